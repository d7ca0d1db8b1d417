"""The published networks: each is what its tutorial says, learns, and is improved at its size."""

import re
from pathlib import Path

import pytest
from drawing import enlarged
from sklearn.datasets import load_digits

from skdigits.digits.published import IMPROVED, PUBLISHED, improved_network, published_network
from skdigits.nn.optimizers import SGD

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

PAGE = (Path(__file__).parents[1] / "docs" / "published.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| ([\d-]+), (\w+).*? \| (.+?) \|", re.MULTILINE)
TOLD = {name: told for name, *told in ROW.findall(PAGE)}
"""What the page tells of each network: its layers, its activation and its training."""

DESCENTS = [name for name in TOLD if not TOLD[name][-1].startswith("Adam")]

each_name = pytest.mark.parametrize("name", PUBLISHED)
either = pytest.mark.parametrize("system", [published_network, improved_network])

X, y = load_digits(return_X_y=True)
X, y = enlarged(X[:300]), y[:300]


def few_epochs(system, name, **changes):
    """The system after two epochs, still of one batch each where that is how it was published."""
    batch_size = min(system(name).batch_size, len(X))
    changes = {"batch_size": batch_size, "max_iter": 2, "random_state": 0, **changes}
    return system(name, **changes).fit(X, y)


def training(model):
    """How a model is trained, in the words of the page."""
    size, rate = model.batch_size, f"rate {model.learning_rate_init}"
    if model.solver == "adam":
        return f"Adam, batches of {size}, {model.max_iter} epochs"
    if size > 10_000:
        return f"gradient descent on all rows, {rate}, {model.max_iter} iterations"
    batches = "an image at a time" if size == 1 else f"batches of {size}"
    return f"stochastic gradient descent, {batches}, {rate}, {model.max_iter} epochs"


def test_the_page_tells_of_every_network():
    assert set(TOLD) == set(PUBLISHED) == set(IMPROVED)


@each_name
@either
def test_the_layers_are_those_that_the_page_tells(system, name):
    model = few_epochs(system, name, max_iter=1)
    assert TOLD[name][0] == "-".join(map(str, [*map(len, model.coefs_), model.n_outputs_]))


@each_name
def test_the_activation_and_the_training_are_those_that_the_page_tells(name):
    model = published_network(name)
    _, activation, words = TOLD[name]
    assert activation == {"relu": "ReLU", "logistic": "sigmoid"}[model.activation]
    if words == "the same":
        words = TOLD["full_batch_10"][-1]
    assert words == training(model)


def test_all_rows_are_those_that_are_not_held_out():
    held_out = (60_000 - PUBLISHED[f"full_batch_{n}"]["batch_size"] for n in (10, 256))
    assert "{:,} and {:,} of them".format(*held_out) in PAGE


def test_the_variance_of_the_initial_weights_is_the_one_told():
    assert "sigmoid, weights of variance 1 / fan-in" in PAGE
    model = few_epochs(published_network, "sigmoid", learning_rate_init=1e-12)
    assert model.coefs_[0].var() == pytest.approx(1 / 784, rel=0.1)


@pytest.mark.parametrize("name", DESCENTS)
def test_descent_is_plain_and_goes_on_whatever_the_loss_does(name):
    model = few_epochs(published_network, name, tol=1e9, max_iter=15)
    assert model.n_iter_ == 15
    assert type(model.solver) is SGD
    assert model.solver.momentum == model.alpha == 0


@each_name
@either
def test_each_learns(system, name):
    model = few_epochs(system, name)
    untrained = few_epochs(system, name, learning_rate="constant", learning_rate_init=1e-12)
    assert model.n_iter_ == 2
    assert model.score(X, y) > untrained.score(X, y)


@either
def test_changes_come_on_top(system):
    assert system("widening", alpha=0.5, random_state=3).get_params()["alpha"] == 0.5


def test_changing_a_network_leaves_the_next_as_it_was_published():
    published_network("sigmoid").set_params(solver__momentum=0.5)
    assert published_network("sigmoid").solver.momentum == 0


@either
def test_an_unknown_name_is_an_error_that_says_which_are_known(system):
    with pytest.raises(ValueError, match=f"{system.__name__}: name='plain' .*'mini_batches'"):
        system("plain")

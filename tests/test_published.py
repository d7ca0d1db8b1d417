"""The published networks: each is what its tutorial says, learns, and is improved at its size."""

import math
from functools import cache

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skdigits.digits.published import IMPROVED, PUBLISHED, improved_network, published_network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

AS_PUBLISHED = {
    "mini_batches": ((128, 64, 32), "relu", "adam", 0.001, 64, 10),
    "full_batch_10": ((10,), "relu", "descent", 0.5, 59_000, 150),
    "full_batch_256": ((256,), "relu", "descent", 0.5, 48_000, 150),
    "sigmoid": ((10,), "logistic", "descent", 0.1, 64, 100),
    "one_by_one": ((128, 64), "logistic", "descent", 0.1, 1, 3),
    "widening": ((128, 256, 512), "relu", "adam", 0.001, 32, 10),
}
"""Hidden layers, activation, solver, rate, batch size and epochs of each."""

each_name = pytest.mark.parametrize("name", PUBLISHED)
either = pytest.mark.parametrize("system", [published_network, improved_network])


@cache
def digits():
    """300 small digits, enlarged to 28 x 28 pixels."""
    X, y = load_digits(return_X_y=True)
    enlarged = np.kron(X[:300].reshape(-1, 8, 8) / 16, np.ones((3, 3)))
    return np.pad(enlarged, ((0, 0), (2, 2), (2, 2))).reshape(-1, 784).astype(np.float32), y[:300]


def few_epochs(system, name, **changes):
    """The system after two epochs, still of one batch each where that is how it was published."""
    X, y = digits()
    batch_size = min(system(name).batch_size, len(X))
    changes = {"batch_size": batch_size, "max_iter": 2, "random_state": 0, **changes}
    return system(name, **changes).fit(X, y)


def test_the_networks_are_those_that_were_published():
    assert set(AS_PUBLISHED) == set(PUBLISHED) == set(IMPROVED)


@each_name
def test_numbers_are_the_published_ones(name):
    model = published_network(name)
    solver = "descent" if getattr(model.solver, "momentum", None) == 0 else model.solver
    assert AS_PUBLISHED[name] == (
        model.hidden_layer_sizes,
        model.activation,
        solver,
        model.learning_rate_init,
        model.batch_size,
        model.max_iter,
    )


def test_plain_descent_has_no_penalty_and_no_early_end():
    for name, (*_, solver, _, _, _) in AS_PUBLISHED.items():
        if solver == "descent":
            model = published_network(name)
            assert (model.alpha, model.n_iter_no_change) == (0, math.inf)


@each_name
@either
def test_each_learns(system, name):
    model = few_epochs(system, name)
    untrained = few_epochs(system, name, learning_rate="constant", learning_rate_init=1e-12)
    X, y = digits()
    assert model.n_iter_ == 2
    assert model.score(X, y) > untrained.score(X, y)


@each_name
def test_the_improved_network_has_the_same_weights(name):
    before, after = (
        few_epochs(system, name, max_iter=1) for system in (published_network, improved_network)
    )
    assert [w.shape for w in before.coefs_] == [w.shape for w in after.coefs_]


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

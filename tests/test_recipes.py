"""Recipes: each can be built, trained and changed, and none is anybody's to spoil."""

import numpy as np
import pytest
from drawing import enlarged
from sklearn.base import clone

from skdigits.digits import load_digits_8x8
from skdigits.digits.recipes import RECIPES, committee, recipe

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DIGITS = load_digits_8x8()
X, y = enlarged(DIGITS.X_train[:300]), DIGITS.y_train[:300]


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_learns(name):
    small = recipe(name, hidden_layer_sizes=(32,), batch_size=20, max_iter=8, random_state=0)
    assert small.fit(X, y).score(X, y) > 0.7
    assert small.history_["loss"][-1] < small.history_["loss"][0]


def test_fast_takes_raw_pixels():
    small = {"hidden_layer_sizes": (32,), "batch_size": 20, "random_state": 0}
    raw = (X * 255).astype(np.uint8)
    assert recipe("fast", **small).fit(raw, y).score(raw, y) > 0.8


def test_a_recipe_is_nobodys_to_change():
    recipe("best").augment.set_params(start=0)
    assert recipe("best").augment.start > 0


def test_unknown_recipes_are_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"recipe: name='worst' is not allowed; .*'best'"):
        recipe("worst")


def test_the_committee_votes_by_the_mean_of_probabilities():
    voters = clone(committee())
    for _, network in voters.estimators:
        network.set_params(hidden_layer_sizes=(32,), batch_size=20, max_iter=4)
    voters.fit(X, y)
    mean = np.mean([voter.predict_proba(X) for voter in voters.estimators_], axis=0)
    np.testing.assert_allclose(voters.predict_proba(X), mean)
    assert voters.score(X, y) > 0.7

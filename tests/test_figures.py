"""What is kept of each epoch: plateaus, validation, records."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from small import mlp, rngs

from skdigits.training.history import History, Tally
from skdigits.training.stopping import Plateau, Validation

sizes = st.integers(1, 6)


@given(
    tol=st.floats(1e-3, 1), patience=st.integers(0, 5), start=st.floats(-5, 5), gain=st.floats(0, 2)
)
def test_a_plateau_is_reached_after_patience(tol, patience, start, gain):
    plateau, n_epochs = Plateau(tol, patience), 20
    # Rounding decides about gains as small as tol.
    assume(abs(gain - tol) > 1e-6)
    reached = []
    for i in range(n_epochs):
        plateau.update(start + i * gain)
        reached.append(plateau.reached)
    first = patience + 1 if gain < tol else n_epochs
    assert reached == [i >= first for i in range(n_epochs)]
    assert plateau.best == start + (n_epochs - 1) * gain


@given(values=st.lists(st.floats(-5, 5)), patience=st.integers(0, 5))
def test_a_forgotten_plateau_is_a_new_one(values, patience):
    plateau = Plateau(0.1, patience)
    for value in values:
        plateau.update(value)
    plateau.forget()
    assert plateau == Plateau(0.1, patience)
    assert not plateau.reached


def test_other_expectations_of_a_plateau_leave_what_it_has_seen():
    plateau = Plateau(0.1, patience=5)
    for value in (1.0, 1.05, 1.05):
        plateau.update(value)
    plateau.expect(tol=0.2, patience=2)
    assert not plateau.reached
    plateau.update(1.15)
    assert plateau.reached


@pytest.mark.parametrize("plateau", [Plateau(), Plateau(1.0, np.inf)])
def test_without_end_to_patience_there_is_no_plateau(plateau):
    for _ in range(1000):
        plateau.update(0)
    assert not plateau.reached


@given(figures=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_validation_keeps_the_best_weights(figures):
    network, epochs = mlp(1, [2], 2, normalization="batch"), iter(figures)

    def score():
        value, loss = next(epochs)
        return {"validation_score": value, "validation_loss": loss}

    validation = Validation(network, score)
    for epoch in range(len(figures)):
        network.vector.fill(epoch)
        validation.score()
    validation.restore_best()
    # The greatest score, then the least loss, then the first.
    best = min(range(len(figures)), key=lambda i: (-figures[i][0], figures[i][1], i))
    assert_array_equal(network.vector, best)


def test_without_a_score_the_weights_stay():
    network = mlp(1, [], 2)
    validation = Validation(network, dict)
    network.parameters.fill(7)
    validation.restore_best()
    assert_array_equal(network.parameters, 7)


names = st.sampled_from(["loss", "accuracy", "validation_loss"])


@given(epochs=st.lists(st.dictionaries(names, st.floats(0, 9), min_size=1)))
def test_history_has_a_row_per_epoch(epochs):
    history = History()
    for epoch in epochs:
        history.append(epoch)
    assert history.n_epochs == len(epochs)
    assert history.keys() == set().union(*epochs)
    for name, column in history.items():
        assert_array_equal(column, [epoch.get(name, np.nan) for epoch in epochs])


@pytest.mark.parametrize("n_before", [0, 1, 3])
def test_an_epoch_on_whose_record_ctrl_c_falls_is_not_on_record(n_before):
    history = History()
    for _ in range(n_before):
        history.append({"loss": 0.5, "accuracy": 0.8})

    class Interrupted(dict):
        def get(self, name, default=None):
            if name == "accuracy":
                raise KeyboardInterrupt
            return super().get(name, default)

    with pytest.raises(KeyboardInterrupt):
        history.append(Interrupted(loss=0.4, accuracy=0.9))
    assert [len(column) for column in history.values()] == [n_before] * 2
    history.append({"loss": 0.3, "accuracy": 0.9})
    assert history.n_epochs == n_before + 1


@given(epochs=st.lists(st.dictionaries(names, st.floats(0, 9), min_size=1)), n=st.integers(0, 5))
def test_a_history_keeps_its_last_rows(epochs, n):
    history, expected = History(), History()
    for epoch in epochs:
        history.append(epoch)
    for epoch in epochs[max(0, len(epochs) - n) :]:
        expected.append(epoch)
    history.keep_last(n)
    assert history.keys() == expected.keys()
    for name, column in history.items():
        assert_array_equal(column, expected[name])


@given(rng=rngs, n_batches=sizes)
def test_a_tally_takes_the_mean_over_rows(rng, n_batches):
    losses, accuracies, totals = rng.uniform(0.1, 1, (3, n_batches))
    tally = Tally()
    for figures in zip(losses, accuracies, totals, strict=True):
        tally.add(*figures)
    means = tally.means()
    assert means["loss"] == pytest.approx(np.average(losses, weights=totals))
    assert means["accuracy"] == pytest.approx(np.average(accuracies, weights=totals))

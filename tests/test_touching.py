"""Digits that touch each other are cut apart where a classifier is surest of the pieces."""

from itertools import combinations, pairwise, product

import numpy as np
import pytest
from drawing import paper, photograph, strokes, write
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from skdigits.digits import DigitImages, extract_digits
from skdigits.digits.paper.finding import Strokes
from skdigits.digits.paper.touching import _ASIDE, Piece, _best_chain, _cheapest, _paths


@pytest.fixture(scope="module")
def predict_proba():
    """A classifier that compares images with those of the ten digits as they are drawn here."""
    alone = []
    for digit in range(10):
        alone.append(paper())
        write(alone[-1], strokes(digit), 60, 80)
    templates = DigitImages().transform([photograph(page) for page in alone])

    def predict_proba(pixels):
        far = np.linalg.norm(pixels[:, None] - templates, axis=2)
        nearness = np.exp(-2 * far)
        return nearness / nearness.sum(axis=1, keepdims=True)

    return predict_proba


def touching(number):
    """Write digits so close to each other that they overlap by two pixels."""
    page, left, boxes = paper((180, 120 * len(number) + 80)), 40, []
    for digit in number:
        ink = strokes(digit, 110)
        inked = page[30 : 30 + len(ink)] > 0.5
        # How far there is nothing to the right of each row's ink, before and within the digit.
        last = np.where(inked.any(axis=1), inked.shape[1] - inked[:, ::-1].argmax(axis=1), 0)
        first = np.where((ink > 0.5).any(axis=1), (ink > 0.5).argmax(axis=1), len(inked))
        left = max(left, (last - first).max() - 2)
        boxes.append(write(page, ink, 30, left))
    return page, boxes


@pytest.mark.parametrize("number", [(3, 6), (9, 2), (0, 4), (6, 6), (1, 8), (2, 3, 6), (8, 0, 9)])
def test_digits_that_touch_are_cut_apart(number, predict_proba):
    page, boxes = touching(number)
    image = photograph(page)
    assert len(extract_digits(image)[0]) == 1
    found, pixels = extract_digits(image, predict_proba)
    assert tuple(predict_proba(pixels).argmax(axis=1)) == number
    assert_allclose(np.array(found), np.add(boxes, [3, 3, -3, -3]), atol=15)


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_alone_stays_whole(digit, predict_proba):
    page = paper()
    write(page, strokes(digit), 60, 80)
    image = photograph(page)
    for one, other in zip(extract_digits(image, predict_proba), extract_digits(image), strict=True):
        assert_array_equal(one, other)


def test_a_classifier_that_is_sure_of_nothing_cuts_nothing():
    page, _ = touching((3, 6, 8))

    def unsure(pixels):
        return np.full((len(pixels), 10), 0.1)

    assert len(extract_digits(photograph(page), unsure)[0]) == 1


def test_a_line_is_no_row_of_digits():
    page = paper((120, 600))
    page[40:80, 40:560] = 1

    def asked(pixels):
        raise AssertionError("There is nothing to ask.")

    assert len(extract_digits(photograph(page), asked)[0]) == 1


def test_blank_images_and_those_in_the_form_of_mnist_need_no_classifier():
    page = paper()
    write(page, strokes(5), 60, 70)
    for image in (DigitImages().transform([photograph(page)]).reshape(28, 28), paper() + 255):
        found, expected = extract_digits(image, pytest.fail), extract_digits(image)
        assert_array_equal(found[1], expected[1])


@given(arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_paths_stay_on_the_strokes_and_go_aside_by_a_pixel_a_row(mask):
    mask[0] = True
    for path in _paths(Strokes(0, 0, mask)):
        assert path.shape == (len(mask),)
        assert np.abs(np.diff(path)).max(initial=0) <= 1
        assert path.min() >= 0
        assert path.max() < mask.shape[1]


@given(
    arrays(
        float,
        st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 5)),
        elements=st.floats(0, 1),
    )
)
def test_the_cheapest_path_is_the_cheapest_of_all(cost):
    n_rows, _, width = cost.shape
    paths = np.array(list(product(range(width), repeat=n_rows)))
    aside = np.abs(np.diff(paths, axis=1))
    paths, aside = paths[aside.max(axis=1, initial=0) <= 1], aside[aside.max(1, initial=0) <= 1]
    tolls = _ASIDE * aside.sum(axis=1)
    for band, found in enumerate(_cheapest(cost)):
        totals = cost[np.arange(n_rows), band, paths].sum(axis=1) + tolls
        (total,) = totals[(paths == found).all(axis=1)]
        assert_allclose(total, totals.min(), atol=1e-12)


@given(st.integers(1, 6), st.data())
def test_the_best_chain_is_the_best_of_all(n_ends, data):
    nothing = Strokes(0, 0, np.ones((1, 1), bool))
    spans = [(0, n_ends), *combinations(range(n_ends + 1), 2)]
    pieces = [Piece(*span, nothing, 0) for span in spans]
    scores = np.array([data.draw(st.floats(-9, 0)) for _ in pieces])
    inner = range(1, n_ends)
    best = max(
        sum(max(s for s, span in zip(scores, spans, strict=True) if span == step) for step in steps)
        for n_cuts in range(n_ends)
        for cuts in combinations(inner, n_cuts)
        for steps in [list(pairwise([0, *cuts, n_ends]))]
    )
    chain = _best_chain(pieces, scores)
    ends = [spans[index][1] for index in chain]
    assert [spans[index] for index in chain] == list(pairwise([0, *ends]))
    assert ends[-1] == n_ends
    assert_allclose(scores[chain].sum(), best)

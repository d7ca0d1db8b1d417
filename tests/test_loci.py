"""What paper sees around it."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from skdigits.digits import Loci

SHAPE = (5, 7)
LEFT, RIGHT, ABOVE, BELOW = 1, 2, 4, 8
LOCI = Loci(places=2, image_shape=SHAPE)

images = arrays(np.float64, (2, *SHAPE), elements=st.floats(0, 1, width=16))


def planes(drawn):
    """The planes of one image drawn in lines of text."""
    image = np.array([[mark == "#" for mark in line] for line in drawn], float)
    return Loci(image_shape=image.shape).planes(image[np.newaxis])[:, 0]


def swapped(planes, one, other):
    """The planes with the one side in place of the other."""
    number = np.arange(16)
    is_one, is_other = (number & one > 0), (number & other > 0)
    return planes[number + (one - other) * is_other + (other - one) * is_one]


@given(images)
def test_each_plane_is_the_product_of_what_is_seen(images):
    planes = LOCI.planes(images)
    for n, row, column in itertools.product(range(2), *map(range, SHAPE)):
        ink = images[n] / (images[n].max() or 1)
        sides = {
            LEFT: ink[row, : column + 1],
            RIGHT: ink[row, column:],
            ABOVE: ink[: row + 1, column],
            BELOW: ink[row:, column],
        }
        for number in range(16):
            product = 1 - ink[row, column]
            for side, way in sides.items():
                product *= way.max() if number & side else 1 - way.max()
            assert_allclose(planes[number, n, row, column], product, atol=1e-12)


@given(images)
def test_a_mirror_image_has_mirrored_planes(images):
    planes = LOCI.planes(images)
    assert_allclose(
        LOCI.planes(images[:, :, ::-1]), swapped(planes, LEFT, RIGHT)[..., ::-1], atol=1e-12
    )
    assert_allclose(
        LOCI.planes(images[:, ::-1]), swapped(planes, ABOVE, BELOW)[:, :, ::-1], atol=1e-12
    )


def test_a_gap_in_a_ring_opens_it_to_that_side():
    closed = planes(["####", "#  #", "#  #", "####"])
    assert_array_equal(closed[LEFT + RIGHT + ABOVE + BELOW, 1:3, 1:3], 1)
    open_ = planes(["####", "#   ", "#  #", "####"])
    assert_array_equal(open_[LEFT + ABOVE + BELOW, 1], [0, 1, 1, 1])
    assert_array_equal(open_[LEFT + RIGHT + ABOVE + BELOW, 2], [0, 1, 1, 0])


def test_an_empty_image_sees_nothing():
    features = LOCI.prepare(np.zeros((1, 35), np.float32)).reshape(16, 4)
    assert_allclose(features[0], 1, rtol=1e-6)
    assert_array_equal(features[1:], 0)


@given(images, st.sampled_from([np.float32, np.float64]))
def test_ink_is_a_share_of_the_most_in_the_image(images, dtype):
    X = images.reshape(2, -1).astype(dtype)
    features = LOCI.prepare(X)
    assert features.dtype == dtype
    assert_allclose(LOCI.prepare(X * dtype([[255], [3]])), features, atol=1e-3)

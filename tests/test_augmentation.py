"""Augmentations: SciPy's interpolation and filters, geometry, and what the classifier relies on."""

import math
import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.base import clone
from small import classifier, same_bits, seeds

from skdigits.digits import (
    Compose,
    ElasticDeformation,
    Fading,
    PixelNoise,
    RandomAffine,
    RandomStroke,
    Slash,
    Upstroke,
    load_digits_8x8,
)
from skdigits.digits.augmentation import strokes, warping
from skdigits.digits.augmentation.warping import warp

STILL = {"rotation": 0, "scale": 0, "shear": 0, "shift": 0}
KINDS = {
    "affine": RandomAffine(),
    "elastic": ElasticDeformation(),
    "stroke": RandomStroke(),
    "noise": PixelNoise(),
    "upstroke": Upstroke(share=1),
    "slash": Slash(share=1),
    "all": RandomAffine() + ElasticDeformation() + RandomStroke() + PixelNoise(),
}
each_kind = pytest.mark.parametrize("augment", KINDS.values(), ids=KINDS)

sides = st.integers(1, 9)
amounts = st.floats(0, 3)
ANY = st.one_of(
    st.builds(
        RandomAffine, rotation=st.floats(0, 180), scale=amounts, shear=amounts, shift=amounts
    ),
    st.builds(ElasticDeformation, sigma=st.floats(0.1, 20), alpha=st.floats(0, 100)),
    st.builds(RandomStroke, thinner=amounts, thicker=amounts),
    st.builds(PixelNoise, std=amounts),
    st.builds(Upstroke, share=st.floats(0, 1), length=amounts),
    st.builds(Slash, share=st.floats(0, 1), length=amounts),
)


def generator(seed=0):
    return np.random.default_rng(seed)


def noise(n=7, shape=(28, 28), dtype=np.float32, seed=1):
    return generator(seed).random((n, shape[0] * shape[1])).astype(dtype)


def drawings(n=7):
    """Upright strokes and rings of random grey, of which every kind changes some."""
    images = np.zeros((n, 2, 28, 28), np.float32)
    images[:, 0, 4:24, 13:16] = 1
    images[:, 1] = abs(np.hypot(*np.indices((28, 28)) - 14) - 9) < 1.5
    images *= generator(1).uniform(0.9, 1, images.shape)
    return images.reshape(-1, 784)


def blots(n=50):
    """Smooth spots, none of them near the border."""
    rows, columns = np.indices((28, 28)) - 13.5
    at = generator(2).uniform(-2, 2, (2, n, 1, 1))
    spots = np.exp(-((rows - at[0]) ** 2 + (columns - at[1]) ** 2) / 8)
    return spots.reshape(n, 784)


def matrices(affine, n, rng):
    """Return A and b, where an image is read at ``A (p - c) + b + c``."""
    coefficients = affine.coefficients(n, rng)
    return np.moveaxis(coefficients[:, :, :2], 1, 0) + np.eye(2), coefficients[:, :, 2].T


def displacements(deformation, n, rng):
    return (deformation.coefficients(n, rng) @ deformation.fields()).reshape(2, n, 28, 28)


def read(images, displaced):
    """Interpolate by SciPy, beyond the border too."""
    grid = np.indices(images.shape[1:])[:, None]
    points = np.moveaxis(grid + displaced, 0, 1)
    return np.stack(
        [
            ndimage.map_coordinates(image, at, order=1, mode="grid-constant")
            for image, at in zip(images, points, strict=True)
        ]
    )


# Interpolation


@given(st.tuples(sides, sides), st.integers(1, 5), seeds, st.floats(0, 20))
def test_warp_interpolates_as_scipy_does(shape, n, seed, reach):
    images = noise(n, shape, np.float64, seed)
    n_pixels = images.shape[1]
    displaced = generator(seed).uniform(-reach, reach, (2, n, n_pixels))
    one_field_per_pixel = np.eye(n_pixels)
    warped = warp(images, displaced, one_field_per_pixel, shape)
    expected = read(images.reshape(n, *shape), displaced.reshape(2, n, *shape))
    np.testing.assert_allclose(warped, expected.reshape(n, -1), atol=1e-12)
    single = warp(images.astype(np.float32), displaced, one_field_per_pixel, shape)
    np.testing.assert_allclose(single, expected.reshape(n, -1), atol=2e-5)


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_whole_pixels_are_moved_without_a_trace(down, right):
    images = np.zeros((3, 28, 28), np.float32)
    images[:, 8:20, 8:20] = noise(3, (12, 12)).reshape(3, 12, 12)
    shift = np.broadcast_to(np.array([-down, -right]).reshape(2, 1, 1), (2, 3, 1))
    warped = warp(images.reshape(3, -1), shift, np.ones((1, 784)), (28, 28))
    expected = np.roll(images, (down, right), axis=(1, 2))
    np.testing.assert_array_equal(warped.reshape(images.shape), expected)


@pytest.mark.parametrize("pixels", [1, 784 * 2, 10**6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pieces_do_not_matter(monkeypatch, pixels, dtype):
    augment = RandomAffine() + ElasticDeformation() + RandomStroke()
    batch = noise(45, dtype=dtype)
    expected = augment(batch, generator())
    for module in (warping, strokes):
        monkeypatch.setattr(module, "PIECE", pixels)
    np.testing.assert_allclose(augment(batch, generator()), expected, atol=2e-5)


# Affine transformations


def test_affine_transformation_is_that_of_scipy():
    batch, affine = noise(30, dtype=np.float64), RandomAffine(rotation=45)
    linear, offset = matrices(affine, 30, generator())
    centre = np.full(2, 13.5)
    for image, changed, A, b in zip(batch, affine(batch, generator()), linear, offset, strict=True):
        expected = ndimage.affine_transform(
            image.reshape(28, 28), A, centre + b - A @ centre, order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(changed.reshape(28, 28), expected, atol=1e-10)


def test_rotations_are_rotations_up_to_the_angle():
    A, offset = matrices(RandomAffine(**(STILL | {"rotation": 30})), 2000, generator())
    products = A @ A.transpose(0, 2, 1)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(2), A.shape), atol=1e-12)
    angles = np.degrees(np.arctan2(A[:, 0, 1], A[:, 0, 0]))
    assert -30 <= angles.min() < -29
    assert 29 < angles.max() <= 30
    assert not offset.any()


def test_scales_are_those_of_height_and_width():
    A, offset = matrices(RandomAffine(**(STILL | {"scale": 0.25})), 2000, generator())
    assert not A[:, [0, 1], [1, 0]].any()
    scales = 1 / A[:, [0, 1], [0, 1]]
    np.testing.assert_allclose(scales.min(axis=0), 0.8, rtol=0.01)
    np.testing.assert_allclose(scales.max(axis=0), 1.25, rtol=0.01)
    assert abs(np.corrcoef(scales.T)[0, 1]) < 0.1
    assert not offset.any()


def test_shear_slants_upright_lines_alone():
    A, offset = matrices(RandomAffine(**(STILL | {"shear": 0.4})), 2000, generator())
    np.testing.assert_array_equal(A[:, 0], np.broadcast_to([1, 0], (2000, 2)))
    np.testing.assert_array_equal(A[:, 1, 1], 1)
    np.testing.assert_allclose([A[:, 1, 0].min(), A[:, 1, 0].max()], [-0.4, 0.4], rtol=0.01)
    assert not offset.any()


def test_shift_goes_as_far_as_it_says():
    A, offset = matrices(RandomAffine(**(STILL | {"shift": 3})), 2000, generator())
    np.testing.assert_array_equal(A, np.broadcast_to(np.eye(2), A.shape))
    np.testing.assert_allclose(offset.min(axis=0), -3, rtol=0.01)
    np.testing.assert_allclose(offset.max(axis=0), 3, rtol=0.01)


def test_shift_counts_pixels_of_the_new_image():
    A, offset = matrices(RandomAffine(rotation=180, scale=3, shear=1, shift=3), 2000, generator())
    shift = np.linalg.solve(A, -offset[:, :, None])[:, :, 0]
    np.testing.assert_allclose(shift.min(axis=0), -3, rtol=0.01)
    np.testing.assert_allclose(shift.max(axis=0), 3, rtol=0.01)


def centres_of_mass(batch):
    centres = [ndimage.center_of_mass(image) for image in batch.reshape(-1, 28, 28)]
    return np.array(centres) - 13.5


def test_centre_of_mass_goes_with_the_image():
    batch, affine = blots(), RandomAffine(rotation=40)
    A, b = matrices(affine, len(batch), generator())
    before, after = centres_of_mass(batch), centres_of_mass(affine(batch, generator()))
    np.testing.assert_allclose(np.einsum("nij,nj->ni", A, after) + b, before, atol=0.03)


# Elastic deformations


@pytest.mark.parametrize("sigma", [1, 3, 5, 8, 40])
def test_elastic_fields_have_the_covariance_of_filtered_noise(sigma):
    shape = (12, 9)
    fields = ElasticDeformation(sigma=sigma, image_shape=shape).fields()
    impulses = np.eye(108).reshape(108, *shape)
    smooth = np.stack([ndimage.gaussian_filter(i, sigma, mode="constant") for i in impulses])
    exact = smooth.reshape(108, 108).T @ smooth.reshape(108, 108)
    lost = np.trace(exact) - np.sum(fields**2)
    assert 0 <= lost <= 1e-4 * np.trace(exact)
    np.testing.assert_allclose(fields.T @ fields, exact, atol=1e-4 * np.trace(exact))


def test_elastic_coefficients_are_independent_with_the_variance_of_uniform_noise():
    coefficients = ElasticDeformation(alpha=6).coefficients(4000, generator()).astype(float)
    of_each = np.concatenate(coefficients, axis=1)
    np.testing.assert_allclose(np.cov(of_each.T), 12 * np.eye(of_each.shape[1]), atol=1.2)
    np.testing.assert_allclose(of_each.mean(axis=0), 0, atol=0.25)


def test_elastic_displacements_vary_as_filtered_noise_does():
    displaced = displacements(ElasticDeformation(sigma=4, alpha=34), 500, generator())
    uniform = generator(3).uniform(-1, 1, displaced.shape)
    filtered = 34 * ndimage.gaussian_filter(uniform, (0, 0, 4, 4), mode="constant")
    ratio = displaced.std(axis=(0, 1)) / filtered.std(axis=(0, 1))
    np.testing.assert_allclose(ratio, 1, atol=0.15)
    steps = np.diff(displaced, axis=3).std() / np.diff(filtered, axis=3).std()
    assert steps == pytest.approx(1, abs=0.03)


# Strokes and noise


def test_strokes_go_towards_dilation_or_erosion_by_a_share():
    batch = noise(60, dtype=np.float64)
    images = batch.reshape(-1, 28, 28)
    changed = RandomStroke(thinner=1, thicker=1)(batch, generator()).reshape(images.shape)
    thicker = changed.sum(axis=(1, 2)) > images.sum(axis=(1, 2))
    assert 20 < thicker.sum() < 40
    for image, after, grows in zip(images, changed, thicker, strict=True):
        extreme = ndimage.grey_dilation if grows else ndimage.grey_erosion
        way = extreme(image, size=(3, 3), mode="constant") - image
        share = np.sum(after - image) / np.sum(way)
        assert 0 < share < 1
        np.testing.assert_allclose(after - image, share * way, atol=1e-12)


@pytest.mark.parametrize("amount", [1e9, 1e300])
def test_strokes_that_cover_the_image_grow_no_further(amount):
    batch = noise(5, dtype=np.float64)
    changed = RandomStroke(thinner=0, thicker=amount)(batch, generator())
    peaks = np.repeat(batch.max(axis=1), 784)
    np.testing.assert_allclose(changed.ravel(), peaks)


@pytest.mark.parametrize(
    ("extreme", "sign"), [(ndimage.grey_dilation, 1), (ndimage.grey_erosion, -1)]
)
def test_strokes_beyond_one_pixel_lie_between_those_of_whole_pixels(extreme, sign):
    stroke = RandomStroke(thinner=3 * (sign < 0), thicker=3 * (sign > 0))
    batch, amounts = noise(200, dtype=np.float64), []
    changed = stroke(batch, generator()).reshape(-1, 28, 28)
    for image, after in zip(batch.reshape(-1, 28, 28), changed, strict=True):
        whole = [image]
        for _ in range(3):
            whole.append(extreme(whole[-1], size=(3, 3), mode="constant"))
        ink = np.sum(whole, axis=(1, 2))
        amount = np.interp(sign * after.sum(), sign * ink, range(4))
        low, high = whole[math.floor(amount)], whole[math.ceil(amount)]
        np.testing.assert_allclose(after, low + amount % 1 * (high - low), atol=1e-9)
        amounts.append(amount)
    np.testing.assert_allclose(np.quantile(amounts, [0, 0.5, 1]), [0, 1.5, 3], atol=0.3)


def test_noise_has_its_standard_deviation_and_is_clipped():
    grey, black = np.full((50, 784), 0.5, np.float32), np.zeros((50, 784), np.float32)
    changed = PixelNoise(std=0.1)(grey, generator()) - grey
    assert changed.std() == pytest.approx(0.1, rel=0.02)
    assert changed.mean() == pytest.approx(0, abs=0.002)
    assert np.mean(PixelNoise(std=0.1)(black, generator()) == 0) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("augment", [PixelNoise(), Upstroke(), Slash()])
@pytest.mark.parametrize(("scale", "words"), [(255, "from 0 to 255"), (-1, "from -1 to -?0")])
def test_pixels_of_another_range_are_refused(augment, scale, words):
    images = np.zeros((2, 784), np.float32)
    images[:, 300:400] = 1
    augment(images, generator())
    augment(images * np.float32(1 + 1e-5), generator())
    with pytest.raises(ValueError, match=f"{type(augment).__name__}: .* {words}; .* from 0 to 1"):
        augment(scale * images, generator())


# Whatever the augmentation


@given(ANY, st.tuples(sides, sides), st.sampled_from(["f2", "f4", "f8"]), seeds)
def test_images_stay_images(augment, shape, dtype, seed):
    augment = clone(augment).set_params(image_shape=shape)
    batch = noise(4, shape, dtype, seed)
    before = batch.copy()
    batch.flags.writeable = False
    changed = augment(batch, generator(seed))
    assert changed.dtype == batch.dtype
    assert changed.shape == batch.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    np.testing.assert_array_equal(batch, before)
    np.testing.assert_array_equal(augment(batch, generator(seed)), changed)


@each_kind
def test_generators_of_other_states_give_other_images(augment):
    batch, rng = drawings(), generator()
    assert not np.array_equal(augment(batch, rng), augment(batch, rng))


@each_kind
def test_each_image_is_changed_in_its_own_way(augment):
    changed = augment(np.tile(drawings(1), (10, 1)), generator())
    assert max(len(np.unique(changed[kind::2], axis=0)) for kind in (0, 1)) == 10


@each_kind
def test_layout_and_precision_do_not_matter(augment):
    batch = noise()
    expected = augment(batch, generator())
    np.testing.assert_array_equal(augment(np.asfortranarray(batch), generator()), expected)
    double = augment(batch.astype(float), generator())
    np.testing.assert_allclose(double, expected, atol=1e-4)


@each_kind
def test_no_images_remain_no_images(augment):
    assert augment(noise(0), generator()).shape == (0, 784)


@pytest.mark.parametrize(
    "augment",
    [
        RandomAffine(**STILL),
        ElasticDeformation(alpha=0),
        RandomStroke(thinner=0, thicker=0),
        PixelNoise(std=0),
        Upstroke(share=0),
        Slash(share=0),
        RandomAffine(**STILL) + ElasticDeformation(alpha=0) + PixelNoise(std=0),
        Compose(),
    ],
    ids=str,
)
def test_no_strength_changes_nothing(augment):
    np.testing.assert_array_equal(augment(noise(), generator()), noise())


# Composition


def test_deformations_in_a_row_are_one_interpolation():
    batch, affine, elastic = noise(dtype=np.float64), RandomAffine(), ElasticDeformation()
    rng = generator()
    displaced = displacements(affine, len(batch), rng) + displacements(elastic, len(batch), rng)
    expected = read(batch.reshape(-1, 28, 28), displaced).reshape(batch.shape)
    together = (affine + elastic)(batch, generator())
    np.testing.assert_allclose(together, expected, atol=1e-10)
    rng = generator()
    assert abs(elastic(affine(batch, rng), rng) - together).max() > 0.1


def test_other_steps_are_taken_in_turn():
    batch, rng = noise(), generator()
    steps = [RandomStroke(), RandomAffine(), PixelNoise(), lambda batch, rng: batch / 2]
    expected = batch
    for step in steps:
        expected = step(expected, rng)
    np.testing.assert_array_equal(Compose(steps=steps)(batch, generator()), expected)


def test_plus_makes_one_flat_list():
    a, b, c, d = KINDS["affine"], KINDS["elastic"], KINDS["stroke"], np.negative
    for composed in ((a + b) + (c + d), a + (b + c) + d, a + (b + (c + d))):
        assert composed.steps == [a, b, c, d]
    with pytest.raises(TypeError, match="unsupported operand"):
        a + 1


# Parameters


@each_kind
def test_clone_pickle_and_repr_make_the_same(augment):
    expected = augment(noise(), generator())
    names = {kind.__name__: kind for kind in map(type, [*KINDS.values(), Compose()])}
    for other in (clone(augment), pickle.loads(pickle.dumps(augment)), eval(repr(augment), names)):
        assert other is not augment
        assert repr(other) == repr(augment)
        np.testing.assert_array_equal(other(noise(), generator()), expected)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        *((RandomAffine, name, -0.1) for name in STILL),
        *((RandomAffine, name, np.inf) for name in STILL),
        (RandomAffine, "rotation", 181),
        (RandomAffine, "shift", "2"),
        (ElasticDeformation, "sigma", 0),
        (ElasticDeformation, "sigma", True),
        (ElasticDeformation, "alpha", -1),
        (RandomStroke, "thinner", -1),
        (RandomStroke, "thicker", None),
        (PixelNoise, "std", -1),
        (PixelNoise, "std", np.nan),
        (Upstroke, "share", 1.1),
        (Upstroke, "length", -1),
        (Slash, "share", -0.1),
        (Slash, "length", None),
        *(
            (type(KINDS[kind]), "image_shape", shape)
            for kind in ("affine", "elastic", "stroke", "noise", "upstroke", "slash")
            for shape in (784, (28,), (28, 0), (28.0, 28), (28, 27), "28")
        ),
    ],
)
def test_bad_parameters_are_named(kind, name, value):
    augment = kind(**{name: value})
    message = re.escape(f"{kind.__name__}: {name}={value!r}")
    for erring in (augment, Compose(steps=[augment])):
        with pytest.raises(ValueError, match=message):
            erring(noise(), generator())


def test_bad_steps_are_named():
    for steps in (3, RandomAffine(), "RandomAffine"):
        with pytest.raises(ValueError, match="Compose: steps="):
            Compose(steps=steps)(noise(), generator())
    with pytest.raises(ValueError, match=r"Compose: steps\[1\]=3"):
        Compose(steps=[RandomAffine(), 3])(noise(), generator())
    with pytest.raises(ValueError, match=r"Compose: image_shape .*\(28, 28\), \(14, 56\)"):
        (RandomAffine() + ElasticDeformation(image_shape=(14, 56)))(noise(), generator())


@pytest.mark.parametrize("augment", list(KINDS.values())[:-1], ids=list(KINDS)[:-1])
def test_batches_of_another_kind_are_refused(augment):
    for batch in (noise().astype(np.uint8), noise()[0], noise().reshape(-1, 28, 28)):
        with pytest.raises(ValueError, match=rf"batch has shape .* {batch.dtype}"):
            augment(batch, generator())


# In training


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_classifier_learns_from_changed_images(dtype):
    digits = load_digits_8x8()
    X, y = (digits.X_train / 16).astype(dtype), digits.y_train
    shape = digits.image_shape
    augment = (
        RandomAffine(shift=0.5, image_shape=shape)
        + ElasticDeformation(sigma=2, alpha=4, image_shape=shape)
        + RandomStroke(thinner=0.2, thicker=0.2, image_shape=shape)
        + PixelNoise(std=0.05, image_shape=shape)
    )
    clf = classifier(augment=augment, hidden_layer_sizes=32).fit(X, y)
    assert clf.score((digits.X_test / 16).astype(dtype), digits.y_test) > 0.85
    assert same_bits(clf, clone(clf).fit(X, y))
    assert not same_bits(clf, clone(clf).set_params(augment=None).fit(X, y))


def test_bad_parameters_end_a_training_by_name():
    digits = load_digits_8x8()
    with pytest.raises(ValueError, match=r"RandomAffine: image_shape=\(28, 28\)"):
        classifier(augment=RandomAffine()).fit(digits.X_train, digits.y_train)


def test_parameters_are_those_of_the_classifier():
    clf = classifier(augment=RandomAffine()).set_params(augment__rotation=5)
    assert clf.augment.rotation == 5


def test_what_fades_fades_as_a_whole():
    part = RandomAffine() + Fading(augment=ElasticDeformation())
    with pytest.raises(ValueError, match="around all steps"):
        part.validate()


def test_what_grows_too_much_is_refused_before_training():
    growing = Fading(augment=RandomAffine(rotation=120), end=3)
    with pytest.raises(ValueError, match="rotation=360 is not allowed"):
        growing.validate()

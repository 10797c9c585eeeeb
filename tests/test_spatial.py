"""The warp against closed forms, numpy, and a pixel-by-pixel twin of each convention."""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import config
from torch import Tensor
from torch.testing import assert_close

from landscape.errors import InputError
from landscape.rng import generator
from landscape.spatial import CONVENTIONS, PADDINGS, SpatialLimits, Warp, displace, rotate_shift

NUMPY_MODES = {"zeros": "constant", "border": "edge", "reflect": "reflect"}
SHAPES = [(3, 2, 7, 7), (2, 3, 6, 9), (1, 1, 5, 4), (2, 1, 1, 6), (2, 1, 6, 1), (1, 2, 1, 1)]
SQUARES = [(2, 1, 1, 1), (3, 2, 6, 6), (2, 3, 7, 7)]


def random_images(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(shape, generator=generator(seed), dtype=torch.float64).to(dtype)


def at(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """Shapes as users may pass them, without the suite's run-time checks of annotations."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


# --- closed forms -----------------------------------------------------------------------------


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_zero_pose_returns_the_image_bit_for_bit(shape, dtype, padding):
    images = random_images(*shape, dtype=dtype)
    for pose in (torch.zeros(3), torch.zeros(shape[0], 3), -torch.zeros(3)):
        assert torch.equal(rotate_shift(images, pose, padding=padding), images)
        tracked = pose.clone().requires_grad_()
        assert torch.equal(rotate_shift(images, tracked, padding=padding), images)


def test_unmoved_images_among_moved_ones_are_exact():
    images = random_images(3, 2, 9, 8, dtype=torch.float32)
    pose = torch.tensor([[0.0, 0, 0], [10, 0, 0], [0, 0, 0]])
    moved = rotate_shift(images, pose)
    assert torch.equal(moved[::2], images[::2])
    assert (moved[1] - images[1]).abs().max() > 0.05


@pytest.mark.parametrize(
    ("pose", "before", "after"),
    [
        pytest.param((90.0, 0, 0), (2, 4), (0, 2), id="counter-clockwise"),
        pytest.param((0.0, 2, 1), (1, 2), (2, 4), id="right and down"),
    ],
)
def test_a_positive_pose_goes(pose, before, after):
    images = torch.zeros(1, 1, 5, 5)
    images[0, 0, *before] = 1
    moved = rotate_shift(images, torch.tensor(pose))
    assert moved[0, 0, *after] == pytest.approx(1)
    assert moved.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("shift_x", [-2, 0, 3])
@pytest.mark.parametrize("shift_y", [-1, 0, 2])
def test_a_whole_pixel_shift_is_a_roll_with_a_black_border(shift_x, shift_y):
    images = random_images(3, 2, 5, 7)
    rolled = images.roll((shift_y, shift_x), dims=(2, 3))
    rolled[..., : max(shift_y, 0), :] = 0
    rolled[..., 5 + min(shift_y, 0) :, :] = 0
    rolled[..., : max(shift_x, 0)] = 0
    rolled[..., 7 + min(shift_x, 0) :] = 0
    assert_close(rotate_shift(images, at(0, shift_x, shift_y)), rolled, rtol=0, atol=1e-12)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_what_lies_outside_is_what_numpy_pads_with(shape, padding):
    images, (height, width), far = random_images(*shape), shape[-2:], 12
    edges = ((0, 0), (0, 0), (far, far), (far, far))
    world = np.pad(images.numpy(), edges, mode=NUMPY_MODES[padding])
    for shift_x, shift_y in [(1, 0), (0, -1), (-2, 3), (5, -4), (11, 12)]:
        rows = slice(far - shift_y, far - shift_y + height)
        seen = world[..., rows, far - shift_x : far - shift_x + width]
        moved = rotate_shift(images, at(0, shift_x, shift_y), padding=padding)
        assert_close(moved.numpy(), seen, rtol=0, atol=1e-12)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("shape", SQUARES)
def test_quarter_turns_are_those_of_rot90(shape, padding, convention):
    images, warp = random_images(*shape), Warp(convention, padding)
    for turns in (-1, 1, 2, 3, 4, 5):
        turned = warp(images, at(90.0 * turns, 0, 0))
        assert_close(turned, images.rot90(turns, dims=(2, 3)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_half_a_turn_flips_rectangles_both_ways(shape):
    images = random_images(*shape)
    assert_close(rotate_shift(images, at(180, 0, 0)), images.flip((2, 3)), rtol=0, atol=1e-12)


def test_the_rotation_comes_before_the_shift():
    images = random_images(2, 1, 6, 6)
    expected = torch.zeros_like(images)
    expected[..., 2:] = images.rot90(1, dims=(2, 3))[..., :-2]
    assert_close(rotate_shift(images, at(90, 2, 0)), expected, rtol=0, atol=1e-12)


def ramp(height: int, width: int, slope_x: float, slope_y: float) -> Tensor:
    """A picture that is linear in the pixel's place, which bilinear sampling reproduces exactly."""
    y = torch.arange(height, dtype=torch.float64)[:, None] - (height - 1) / 2
    x = torch.arange(width, dtype=torch.float64) - (width - 1) / 2
    return (slope_x * x + slope_y * y)[None, None]


@pytest.mark.parametrize("pose", [(17.0, 0.3, -1.4), (-203.5, -0.75, 0.2), (0.0, 0.5, 0.5)])
def test_a_linear_picture_is_moved_exactly(pose):
    rotation, shift_x, shift_y = pose
    moved = rotate_shift(ramp(15, 19, 0.7, -0.2), at(*pose))
    cos, sin = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
    for row, column in [(7, 9), (5, 9), (8, 11), (9, 6)]:
        right, up = column - 9 - shift_x, -(row - 7 - shift_y)
        # Turned back clockwise, in the mathematician's frame where y points up.
        source_x, source_up = cos * right + sin * up, -sin * right + cos * up
        expected = 0.7 * source_x + 0.2 * source_up
        assert moved[0, 0, row, column].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_shared_pose_is_the_same_as_one_per_image(convention, padding):
    images = random_images(5, 2, 6, 9, dtype=torch.float32)
    for pose in (torch.tensor([23.0, 0.4, -1.3]), torch.tensor([-71.0, 2, 0]), torch.zeros(3)):
        shared = rotate_shift(images, pose, convention=convention, padding=padding)
        each = rotate_shift(images, pose.expand(5, 3), convention=convention, padding=padding)
        assert_close(shared, each, rtol=0, atol=1e-5)


def test_each_image_gets_its_own_pose():
    images = random_images(4, 1, 7, 7)
    pose = torch.tensor([[5.0, 1, 0], [0, 0, 0], [-60, 0.5, 2], [180, -3, 1]], dtype=torch.float64)
    together = rotate_shift(images, pose)
    for i in range(4):
        assert_close(together[i : i + 1], rotate_shift(images[i : i + 1], pose[i]))


def test_the_images_decide_on_the_precision():
    for dtype in (torch.float32, torch.float64):
        images = random_images(2, 1, 6, 6, dtype=dtype)
        assert rotate_shift(images, torch.tensor([3.0, 0.1, 0.2]).double()).dtype == dtype


# --- twins of the three conventions -----------------------------------------------------------


def bilinear(picture: np.ndarray, x: float, y: float) -> float:
    """The value at column x and row y of a picture on a black ground."""
    left, top = math.floor(x), math.floor(y)
    value = 0.0
    for row, column in [(top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)]:
        if 0 <= row < picture.shape[0] and 0 <= column < picture.shape[1]:
            value += (1 - abs(x - column)) * (1 - abs(y - row)) * picture[row, column]
    return value


Where = Callable[[int, int], tuple[float, float]]


def sampled(picture: np.ndarray, where: Where) -> np.ndarray:
    """The picture that has at every (column, row) what `picture` has at `where(column, row)`."""
    values = [
        [bilinear(picture, *where(x, y)) for x in range(picture.shape[1])]
        for y in range(picture.shape[0])
    ]
    return np.array(values)


def turned_back(x: float, y: float, degrees: float, centre: tuple[float, float]) -> tuple:
    """Where (column, row) was before a counter-clockwise turn about the centre."""
    point = complex(x - centre[0], -(y - centre[1]))  # rows run down, the imaginary axis up
    source = point * np.exp(-1j * math.radians(degrees))
    return source.real + centre[0], -source.imag + centre[1]


def landscape_twin(picture: np.ndarray, rotation: float, dx: float, dy: float) -> np.ndarray:
    centre = ((picture.shape[1] - 1) / 2, (picture.shape[0] - 1) / 2)
    return sampled(picture, lambda x, y: turned_back(x - dx, y - dy, rotation, centre))


def engstrom_twin(picture: np.ndarray, rotation: float, dx: float, dy: float) -> np.ndarray:
    height, width = picture.shape
    rows, columns = height // 2, width // 2
    canvas = np.pad(picture, ((rows, rows), (columns, columns)))
    centre = ((canvas.shape[1] - 1) / 2, (canvas.shape[0] - 1) / 2)
    turned = sampled(canvas, lambda x, y: turned_back(x, y, rotation, centre))
    moved = sampled(turned, lambda x, y: (x - dx, y - dy))
    return moved[rows : rows + height, columns : columns + width]


def spatial_pytorch_twin(picture: np.ndarray, rotation: float, dx: float, dy: float) -> np.ndarray:
    side = len(picture)
    line = np.linspace(-1, 1, side)
    cos, sin = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))

    def where(x: int, y: int) -> tuple[float, float]:
        at_x = cos * line[x] - sin * line[y] + 2 * dx / side
        at_y = sin * line[x] + cos * line[y] + 2 * dy / side
        return (at_x + 1) / 2 * (side - 1), (at_y + 1) / 2 * (side - 1)

    return sampled(picture, where)


TWINS = {
    "landscape": landscape_twin,
    "engstrom-tf": engstrom_twin,
    "spatial-pytorch": spatial_pytorch_twin,
}


@pytest.mark.parametrize("side", [6, 7])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_convention_equals_its_twin_pixel_by_pixel(convention, side):
    images = random_images(5, 1, side, side)
    draws = SpatialLimits(180.0, side / 2, side / 2)
    pose = draws.draw(images, 1, generator=generator(1))[:, 0]
    pose[0] = at(0, 0.5, -0.5)
    moved = rotate_shift(images, pose, convention=convention)
    for picture, (rotation, dx, dy), result in zip(images, pose.tolist(), moved, strict=True):
        twin = TWINS[convention](picture[0].numpy(), rotation, dx, dy)
        assert_close(result[0].numpy(), twin, rtol=0, atol=1e-10)


@pytest.mark.parametrize("convention", ["landscape", "engstrom-tf"])
def test_the_twins_agree_on_rectangles(convention):
    images = random_images(2, 1, 5, 8)
    for pose in [(31.0, 1.3, -0.4), (-100.0, 0.0, 2.0)]:
        moved = rotate_shift(images, at(*pose), convention=convention)
        for picture, result in zip(images, moved, strict=True):
            twin = TWINS[convention](picture[0].numpy(), *pose)
            assert_close(result[0].numpy(), twin, rtol=0, atol=1e-10)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("shape", [*SHAPES, *SQUARES])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_leaves_the_image_at_the_zero_pose(convention, shape, padding):
    images = random_images(*shape, dtype=torch.float32)
    moved = rotate_shift(images, torch.zeros(3), convention=convention, padding=padding)
    assert_close(moved, images, rtol=0, atol=1e-5)


def test_the_conventions_differ_by_more_than_any_tolerance_here():
    images = random_images(1, 1, 8, 8)
    pose = at(10, 0.5, 0.5)
    results = [rotate_shift(images, pose, convention=name) for name in CONVENTIONS]
    for i, a in enumerate(results):
        for b in results[:i]:
            assert (a - b).abs().max() > 0.1


# --- gradients --------------------------------------------------------------------------------


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_gradients_agree_with_finite_differences(convention):
    images = random_images(2, 1, 4, 5).requires_grad_()
    pose = torch.tensor([[20.0, 0.3, -0.6], [-7.0, 1.2, 0.4]], dtype=torch.float64)
    shared = at(33, -0.2, 0.7).requires_grad_()
    warp = Warp(convention)
    assert torch.autograd.gradcheck(warp, (images, pose.requires_grad_()))
    assert torch.autograd.gradcheck(warp, (images, shared))


@pytest.mark.parametrize("each", [False, True])
def test_the_gradient_with_respect_to_the_pose_does_not_vanish_at_zero(each):
    images = ramp(9, 11, 0.5, -0.3)
    pose = torch.zeros((1, 3) if each else 3, dtype=torch.float64, requires_grad=True)
    moved = rotate_shift(images, pose)
    assert torch.equal(moved, images)
    row, column = 2, 8  # 2 above and 3 right of the centre
    (gradient,) = torch.autograd.grad(moved[0, 0, row, column], pose)
    # A picture f moved by s is f(x - s); turned by a small t it is f(x - t y, y + t x), y down.
    per_radian = 0.5 * 2 + -0.3 * 3
    expected = at(math.radians(per_radian), -0.5, 0.3)
    assert_close(gradient.reshape(3), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("pose", [(0.0, 0.0, 0.0), (25.0, 1.5, -0.3), (90.0, 0.0, 40.0)])
def test_the_gradient_with_respect_to_the_image_is_the_adjoint(pose, padding):
    images = random_images(3, 2, 6, 7).requires_grad_()
    weights, other = random_images(3, 2, 6, 7, seed=1), random_images(3, 2, 6, 7, seed=2)
    moved = rotate_shift(images, at(*pose), padding=padding)
    (adjoint,) = torch.autograd.grad(moved, images, weights)
    product = (rotate_shift(other, at(*pose), padding=padding) * weights).sum()
    assert (other * adjoint).sum().item() == pytest.approx(product.item(), abs=1e-10)


# --- properties -------------------------------------------------------------------------------

shapes = st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 8), st.integers(1, 8))
poses = st.tuples(st.floats(-400, 400), st.floats(-9, 9), st.floats(-9, 9))
paddings, conventions = st.sampled_from(list(PADDINGS)), st.sampled_from(list(CONVENTIONS))
thorough = settings(max_examples=60, deadline=None)


@thorough
@given(shapes, poses, paddings, conventions, st.floats(-3, 3))
def test_the_warp_is_linear_in_the_image(shape, pose, padding, convention, factor):
    a, b = random_images(*shape), random_images(*shape, seed=1)
    warp = Warp(convention, padding)
    together = warp(a + factor * b, at(*pose))
    apart = warp(a, at(*pose)) + factor * warp(b, at(*pose))
    assert_close(together, apart, rtol=0, atol=1e-10)


@thorough
@given(shapes, poses, paddings, conventions)
def test_values_stay_between_those_of_the_image_and_black(shape, pose, padding, convention):
    images = random_images(*shape) + 0.2
    moved = rotate_shift(images, at(*pose), convention=convention, padding=padding)
    black = padding == "zeros" or convention == "engstrom-tf"  # its canvas ends somewhere
    assert moved.min() >= (0 if black else images.min() - 1e-12)
    assert moved.max() <= images.max() + 1e-12


@thorough
@given(shapes, poses, paddings, conventions)
def test_a_mirrored_picture_moves_the_mirrored_way(shape, pose, padding, convention):
    images, warp = random_images(*shape), Warp(convention, padding)
    rotation, dx, dy = pose
    moved = warp(images, at(*pose))
    mirrored_x = warp(images.flip(3), at(-rotation, -dx, dy))
    mirrored_y = warp(images.flip(2), at(-rotation, dx, -dy))
    assert_close(mirrored_x, moved.flip(3), rtol=0, atol=1e-10)
    assert_close(mirrored_y, moved.flip(2), rtol=0, atol=1e-10)


@thorough
@given(st.floats(-180, 180), st.floats(-3, 3), st.floats(-3, 3))
def test_the_inverse_pose_nearly_restores_a_smooth_picture(rotation, dx, dy):
    y, x = torch.meshgrid(*[torch.arange(41, dtype=torch.float64) - 20] * 2, indexing="ij")
    picture = torch.exp(-((x - 2) ** 2 + 2 * (y + 1) ** 2) / 40)[None, None]
    back_x, back_y = turned_back(-dx, -dy, rotation, (0, 0))
    moved = rotate_shift(picture, at(rotation, dx, dy))
    restored = rotate_shift(moved, at(-rotation, back_x, back_y))
    # A bilinear pass errs by an eighth of the curvature, here 1/20 + 1/10, and there are two.
    assert_close(restored, picture, rtol=0, atol=0.04)


# --- limits -----------------------------------------------------------------------------------


def test_limits_are_a_tenth_of_each_side_unless_given():
    assert SpatialLimits().for_size(20, 30) == SpatialLimits(30.0, 3.0, 2.0)
    assert SpatialLimits(5.0, shift_x=0.0).for_size(20, 30) == SpatialLimits(5.0, 0.0, 2.0)


def test_draws_fill_their_box_evenly_and_stay_in_it():
    images, limits = torch.zeros(400, 1, 20, 30), SpatialLimits(12.0, shift_y=5.0)
    drawn = limits.draw(images, 25, generator=generator(0)).reshape(-1, 3)
    for values, reach in zip(drawn.T, (12, 3.0, 5), strict=True):
        share = (values.numpy() + reach) / (2 * reach)  # uniform on [0, 1]
        assert 0 <= share.min() < 0.001 < 0.999 < share.max() <= 1
        assert np.abs(np.sort(share) - np.linspace(0, 1, 10_000)).max() < 0.02  # Kolmogorov's
    assert np.abs(np.corrcoef(drawn.T.numpy()) - np.eye(3)).max() < 0.05


@pytest.mark.parametrize("count", [1, 3, 10])
@pytest.mark.parametrize("cut", [[20], [1, 16, 3], [7, 7, 6]])
def test_draws_do_not_depend_on_how_the_images_are_batched(count, cut):
    images, limits = torch.zeros(20, 1, 4, 4), SpatialLimits()
    draws = generator(3)
    parts = [limits.draw(part, count, generator=draws) for part in images.split(cut)]
    assert torch.equal(torch.cat(parts), limits.draw(images, count, generator=generator(3)))


def test_a_seed_means_the_same_poses_in_every_precision():
    images, limits = torch.zeros(5, 1, 10, 10), SpatialLimits()
    single = limits.draw(images, 2, generator=generator(3))
    double = limits.draw(images.double(), 2, generator=generator(3))
    assert double.dtype == torch.float64
    assert_close(single.double(), double)
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(limits.draw(images, 2, generator=generator(3)), single)
    finally:
        torch.set_default_dtype(torch.float32)


# --- bad input --------------------------------------------------------------------------------


def test_unknown_names_get_a_suggestion():
    with pytest.raises(InputError, match=r"unknown pose convention 'lanscape'.*'landscape'"):
        Warp("lanscape")
    with pytest.raises(InputError, match=r"unknown padding 'reflct'.*'reflect'.*zeros, border"):
        rotate_shift(torch.rand(1, 1, 2, 2), torch.zeros(3), padding="reflct")


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (1, 3), (2,)])
@pytest.mark.usefixtures("unchecked_shapes")
def test_poses_that_do_not_fit_are_refused(shape):
    with pytest.raises(InputError) as caught:
        rotate_shift(torch.rand(3, 1, 4, 4), torch.zeros(shape))
    assert "(3,) or one per image (3, 3)" in str(caught.value)
    assert f"got {shape}" in str(caught.value)


@pytest.mark.parametrize("values", [(-1.0,), (30.0, -0.1), (30.0, 0.0, math.inf), (math.nan,)])
def test_limits_that_are_no_box_are_refused(values):
    with pytest.raises(InputError, match="finite and not negative, got"):
        SpatialLimits(*values)


class TestDisplace:
    """A flow of its own for each pixel."""

    def test_against_a_loop_over_pixels(self):
        images = torch.rand(2, 3, 5, 6, generator=generator(0))
        flow = 3 * torch.rand(2, 2, 5, 6, generator=generator(1)) - 1.5
        found = displace(images, flow)
        for n, y, x in itertools.product(range(2), range(5), range(6)):
            u = min(max(x + flow[n, 0, y, x].item(), 0), 5)
            v = min(max(y + flow[n, 1, y, x].item(), 0), 4)
            left, top = min(int(u), 4), min(int(v), 3)
            a, b = u - left, v - top
            near = images[n, :, top : top + 2, left : left + 2]
            weights = torch.tensor([[(1 - b) * (1 - a), (1 - b) * a], [b * (1 - a), b * a]])
            expected = (near * weights).sum(dim=(1, 2))
            assert_close(found[n, :, y, x], expected, rtol=0, atol=1e-5)

    def test_a_flow_that_is_the_same_everywhere_is_a_shift_back(self):
        images = torch.rand(2, 1, 9, 8, generator=generator(0))
        flow = torch.tensor([0.3, -1.4])[None, :, None, None].expand(2, 2, 9, 8)
        moved = rotate_shift(images, torch.tensor([0, -0.3, 1.4]), padding="border")
        assert_close(displace(images, flow), moved, rtol=0, atol=1e-5)

    def test_no_flow_returns_the_image_exactly(self):
        images = torch.rand(2, 3, 7, 6, generator=generator(0))
        assert torch.equal(displace(images, torch.zeros(2, 2, 7, 6)), images)

    def test_a_flow_of_other_images_is_refused(self, unchecked_shapes):
        with pytest.raises(InputError, match=r"a flow of shape \(2, 2, 7, 6\), got \(2, 2, 6, 7\)"):
            displace(torch.rand(2, 3, 7, 6), torch.zeros(2, 2, 6, 7))

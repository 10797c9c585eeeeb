"""Rotating and shifting images: the one warp under every pose of the package.

A pose is (rotation, shift_x, shift_y): degrees counter-clockwise as displayed, pixels right, pixels
down. The default convention rotates about ((W-1)/2, (H-1)/2), then shifts, in one bilinear pass.
The papers' own codes do it differently, so they are named alternatives in `CONVENTIONS`:

- `engstrom-tf` (Engstrom et al. 2019, TensorFlow release): the image is padded by half its side,
  rotated, then shifted in a *second* bilinear pass, and cropped back.
- `spatial-pytorch` (their PyTorch release): shifts first, in the *opposite* direction and by
  (side - 1)/side of the pixels asked for, then rotates, in one pass.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from landscape.errors import InputError
from landscape.registry import lookup
from landscape.typing import Images, Pose, SharedPose

PADDINGS = {"zeros": "zeros", "border": "border", "reflect": "reflection"}
"""What lies outside the image: black, the nearest pixel, or the mirror image (edge not doubled)."""


@dataclass(frozen=True)
class Warp:
    """A convention and a padding: everything about a pose that is not the pose itself."""

    convention: str = "landscape"
    padding: str = "zeros"

    def __post_init__(self) -> None:
        lookup(CONVENTIONS, self.convention, kind="pose convention")
        lookup(PADDINGS, self.padding, kind="padding")

    def __call__(self, images: Images, pose: Pose | SharedPose) -> Images:
        """Each image in its pose; a single pose of shape (3,) is shared by all of them.

        Differentiable in both arguments. Under the default convention the pose (0, 0, 0) returns
        the image exactly.

        Raises:
            InputError: the poses do not fit the images.
        """
        if pose.shape not in {(3,), (len(images), 3)}:
            raise InputError(
                f"expected one pose (3,) or one per image ({len(images)}, 3), "
                f"got {tuple(pose.shape)}"
            )
        return CONVENTIONS[self.convention](images, pose.to(images), self.padding)


def rotate_shift(
    images: Images,
    pose: Pose | SharedPose,
    *,
    convention: str = "landscape",
    padding: str = "zeros",
) -> Images:
    """Each image rotated by pose[0] degrees, then shifted by pose[1] right and pose[2] down.

    Args:
        images: (N, C, H, W).
        pose: (N, 3), or (3,) for one pose shared by all images.
        convention: a name in `CONVENTIONS`.
        padding: a name in `PADDINGS`.

    Raises:
        InputError: unknown name, or poses that do not fit the images.
    """
    return Warp(convention, padding)(images, pose)


def _one_pass(images: Images, pose: Tensor, padding: str) -> Images:
    """Rotate about the centre, then shift, in one bilinear pass (the package's own convention)."""
    shift = pose[..., 1:, None, None]
    grid = _pixel_grid(images) - shift
    warped = _sample(images, _rotated(grid, pose[..., 0]), padding)
    return _exact(images, warped, (pose == 0).all(dim=-1).view(-1, 1, 1, 1))


def _exact(images: Images, warped: Images, unmoved: Tensor) -> Images:
    """Warped images, those that do not move without the sampler's rounding, of about 1e-6.

    Their gradients remain those of the sampler.
    """
    if not unmoved.is_cuda and not unmoved.any():  # a GPU would have to wait for the answer
        return warped
    exact = images.detach() + (warped - warped.detach()) if warped.requires_grad else images
    return torch.where(unmoved, exact, warped)


def _shift_then_rotate(images: Images, pose: Tensor, padding: str) -> Images:
    """The sampling grid of spatial-pytorch: p -> R p + 2 t, t a fraction of the side, on [-1, 1].

    Its radian is 0.01745327778 degrees, 9e-7 above pi/180 in relative terms; the exact one is used.
    """
    side = torch.tensor([images.shape[-1], images.shape[-2]], device=pose.device)
    shift = (pose[..., 1:] * (side - 1) / side)[..., None, None]
    return _sample(images, _rotated(_pixel_grid(images), pose[..., 0]) + shift, padding)


def _two_passes(images: Images, pose: Tensor, padding: str) -> Images:
    """Pad by half the side, rotate, shift in a second pass, crop back (adversarial_spatial)."""
    height, width = images.shape[-2:]
    margin = (width // 2, width // 2, height // 2, height // 2)
    mode = {"zeros": "constant", "border": "replicate", "reflect": "reflect"}[padding]
    canvas = F.pad(images, margin, mode=mode)
    turned = _sample(canvas, _rotated(_pixel_grid(canvas), pose[..., 0]), "zeros")
    moved = _sample(turned, _pixel_grid(canvas) - pose[..., 1:, None, None], "zeros")
    return moved[..., height // 2 : height // 2 + height, width // 2 : width // 2 + width]


CONVENTIONS: dict[str, Callable[[Images, Tensor, str], Images]] = {
    "landscape": _one_pass,
    "engstrom-tf": _two_passes,
    "spatial-pytorch": _shift_then_rotate,
}


def _pixel_grid(images: Images) -> Float[Tensor, "2 height width"]:
    """X (right) and y (down) of every pixel, measured from the centre ((W-1)/2, (H-1)/2)."""
    height, width = images.shape[-2:]
    y = torch.arange(height, device=images.device, dtype=images.dtype) - (height - 1) / 2
    x = torch.arange(width, device=images.device, dtype=images.dtype) - (width - 1) / 2
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))


def _rotated(grid: Tensor, degrees: Tensor) -> Tensor:
    """Where each output pixel looks when the picture turns counter-clockwise by `degrees`."""
    radians = torch.deg2rad(degrees)[..., None, None]
    cos, sin = radians.cos(), radians.sin()
    x, y = grid[..., 0, :, :], grid[..., 1, :, :]
    return torch.stack([cos * x - sin * y, sin * x + cos * y], dim=-3)


def _sample(images: Images, grid: Tensor, padding: str) -> Images:
    """Bilinear values at `grid`: (2, H, W), shared, or (N, 2, H, W), measured from the centre."""
    number, channels, height, width = images.shape
    size = torch.tensor([width, height], device=grid.device, dtype=grid.dtype)
    # With align_corners, -1 and 1 are the centres of the outermost pixels, and `reflection` mirrors
    # there, as numpy's "reflect" does. Between them a side of one pixel has no extent: its mirror
    # image is itself, but one can still be shifted out of it, so the others measure from the edges.
    corners = padding == "reflect"
    extent = (size - 1).clamp(min=1) if corners else size
    scaled = grid.movedim(-3, -1) * (2 / extent)
    mode = {"padding_mode": PADDINGS[padding], "align_corners": corners}
    if scaled.ndim == 4:
        return F.grid_sample(images, scaled, **mode)  # type: ignore[arg-type]
    # One grid for all: the batch rides on the channels, and the grid is read once.
    stacked = images.reshape(1, number * channels, height, width)
    return F.grid_sample(stacked, scaled[None], **mode).view(images.shape)  # type: ignore[arg-type]


@dataclass(frozen=True)
class SpatialLimits:
    """The box of poses an attack or a surface may use: |rotation|, |shift_x|, |shift_y|.

    The default is that of Engstrom et al. 2019: 30 degrees and 10 % of the side. They also train
    within 40 degrees and 13 %: 24 and 32 of 224 pixels are 10.71 % and 14.29 %, 3 and 4 of 32
    pixels 9.4 % and 12.5 %.

    Attributes:
        rotation: degrees.
        shift_x: pixels; None stands for `share` of the width.
        shift_y: pixels; None stands for `share` of the height.
        share: of the side, not negative, where shifts are not given in pixels.

    Raises:
        InputError: a limit is negative or not finite.
    """

    rotation: float = 30.0
    shift_x: float | None = None
    shift_y: float | None = None
    share: float = 0.1

    def __post_init__(self) -> None:
        values = (self.rotation, self.shift_x or 0.0, self.shift_y or 0.0, self.share)
        if not all(0 <= value < float("inf") for value in values):
            raise InputError(f"spatial limits must be finite and not negative, got {values}")

    def for_size(self, height: int, width: int) -> "SpatialLimits":
        """The limits with every shift in pixels."""
        shift_x = self.share * width if self.shift_x is None else self.shift_x
        shift_y = self.share * height if self.shift_y is None else self.shift_y
        return replace(self, shift_x=shift_x, shift_y=shift_y)

    def radius(self, images: Images) -> SharedPose:
        """The largest pose, (rotation, shift_x, shift_y), for images of this size, on the CPU."""
        limits = self.for_size(*images.shape[-2:])
        return torch.tensor([limits.rotation, limits.shift_x or 0.0, limits.shift_y or 0.0])

    def draw(
        self, images: Images, count: int, *, generator: torch.Generator
    ) -> Float[Tensor, "batch count 3"]:
        """`count` uniform poses for each image, drawn on the CPU and moved to the images' device.

        An image's poses do not depend on how a data set is cut into batches.
        """
        unit = 2 * torch.rand(len(images), count, 3, generator=generator, dtype=torch.float32) - 1
        return (unit * self.radius(images)).to(images)


def displace(
    images: Images, flow: Float[Tensor, "batch 2 height width"], *, padding: str = "border"
) -> Images:
    """Each pixel replaced by the bilinear value `flow` away from it (Xiao et al. 2018, eq. 1).

    Differentiable in both arguments; a flow of zero returns an image exactly.

    Args:
        images: (N, C, H, W).
        flow: pixels right and pixels down, from where a value is shown to where it is taken.
        padding: a name in `PADDINGS`, of what lies outside.

    Raises:
        InputError: the flow is not one of these images, or the padding is not known.
    """
    lookup(PADDINGS, padding, kind="padding")
    expected = (len(images), 2, *images.shape[-2:])
    if flow.shape != expected:
        raise InputError(f"expected a flow of shape {expected}, got {tuple(flow.shape)}")
    moved = _sample(images, _pixel_grid(images) + flow.to(images), padding)
    return _exact(images, moved, (flow == 0).flatten(1).all(dim=1).view(-1, 1, 1, 1))

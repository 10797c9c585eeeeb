"""The cases: which work, how much of it, and who takes part."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.comparison import Group
from benchmarks.work import Work

LARGE_SIDE = 224  # pixels


@dataclass(frozen=True)
class Sizes:
    """How much is done in each case.

    Attributes:
        plane: values along each axis of the plane of weights.
        plane_images: on which each of its points is evaluated.
        poses: values along rotation, shift right and shift down.
        pose_images: that are moved through all of them.
        large_poses: the same at 224 pixels.
        large_images: the same at 224 pixels.
        steps: of training in a repetition.
        batch: images in a step.
        reference: points compared with a float64 loop.
        parts: for ResNet-18, see `Group`.
        growing_points: squares of which are the points of planes that grow.
        growing_images: images of planes that grow.
        growing_networks: networks of planes that grow.
        thorough: whether contestants take part that say little more than others do.
        rounds: repetitions of everybody.
    """

    plane: int = 11
    plane_images: int = 512
    poses: tuple[int, int, int] = (31, 5, 5)
    pose_images: int = 64
    large_poses: tuple[int, int, int] = (3, 3, 3)
    large_images: int = 16
    steps: int = 20
    batch: int = 128
    reference: int = 121
    parts: int = 5
    growing_points: tuple[int, ...] = (5, 11, 21, 41)
    growing_images: tuple[int, ...] = (256, 1024, 4096, 10000)
    growing_networks: tuple[str, ...] = ("resnet20", "resnet32", "resnet44", "resnet56")
    thorough: bool = True
    rounds: int = 5


QUICK = Sizes(
    plane=3,
    plane_images=64,
    poses=(3, 2, 2),
    pose_images=8,
    large_poses=(1, 1, 2),
    large_images=4,
    steps=2,
    batch=64,
    reference=3,
    parts=1,
    growing_points=(2, 4),
    growing_images=(64, 256),
    growing_networks=("resnet20", "resnet32"),
    thorough=False,
    rounds=2,
)
"""Small enough for a look; too small for figures."""

OURS = ("ours", "ours-bf16")
CEILINGS = ("convolutions", "convolutions-bf16", "gemm", "gemm-bf16")
PLAIN = ("plain", "plain-allocator")


def plane(sizes: Sizes) -> tuple[Group, ...]:
    """Case a: a plane of weights."""
    more = ("ours-compiled", "plain-batches") if sizes.thorough else ()
    work = Work("weights", "resnet20", sizes.plane_images, (sizes.plane,) * 2)
    names = (*OURS, *PLAIN, *more, "li", "loss-landscapes", *CEILINGS)
    return (Group("a. Plane of weights", work, names, reference=sizes.reference),)


def grid_attack(sizes: Sizes) -> tuple[Group, ...]:
    """Case b: the grid attack on small images."""
    names = (*OURS, *PLAIN, "foolbox", *CEILINGS)
    small = Work("poses", "resnet20", sizes.pose_images, sizes.poses)
    wide = Work("poses", "resnet18-cifar", sizes.pose_images, sizes.poses)
    few = min(sizes.reference, 5)
    return (
        Group("b. Grid attack, ResNet-20", small, names, reference=few),
        Group("b. Grid attack, ResNet-18", wide, names, reference=few, parts=sizes.parts),
    )


def large_images(sizes: Sizes) -> tuple[Group, ...]:
    """Case c: the grid attack on images of 224 pixels."""
    names = (*OURS, *PLAIN, "foolbox", *CEILINGS)
    work = Work("poses", "resnet50", sizes.large_images, sizes.large_poses, LARGE_SIDE)
    return (Group("c. Grid attack at 224 pixels, ResNet-50", work, names, reference=1),)


def training(sizes: Sizes) -> tuple[Group, ...]:
    """Case d: training, on the images as they are and on the worst of ten poses."""
    ours = ["ours-eager", "ours-worst-eager"]
    if sizes.thorough:  # compilation takes a minute each
        ours += ["ours", "ours-bf16", "ours-worst", "ours-worst-bf16"]
    worst = ("plain-worst", "plain-worst-allocator")
    work = Work("training", "resnet20", sizes.batch, (sizes.steps,))
    return (Group("d. Training", work, (*ours, *PLAIN, *worst, *CEILINGS)),)


def on_gpu(sizes: Sizes) -> tuple[Group, ...]:
    """Case f: a plane of weights, and large images, on a GPU."""
    ceilings = ("convolutions", "convolutions-bf16", "gemm", "gemm-tf32", "gemm-bf16")
    names = ("ours", "ours-tf32", "ours-bf16", "plain", *ceilings)
    flat = Work("weights", "resnet20", sizes.plane_images, (sizes.plane,) * 2, device="cuda")
    large = Work("poses", "resnet50", 4 * sizes.large_images, sizes.large_poses, LARGE_SIDE, "cuda")
    few = min(sizes.reference, 5)
    return (
        Group("f. Plane of weights on a GPU", flat, names, reference=few),
        Group("f. Grid attack at 224 pixels on a GPU, ResNet-50", large, names, reference=1),
    )


COMPARISONS: dict[str, Callable[[Sizes], tuple[Group, ...]]] = {
    "a": plane,
    "b": grid_attack,
    "c": large_images,
    "d": training,
    "f": on_gpu,
}
"""By case; `e` is in `commands`."""


def growing(sizes: Sizes) -> list[Work]:
    """The rows of the table of growth; in each part one thing grows and the others rest."""
    points = [Work("weights", "resnet20", 128, (n, n)) for n in sizes.growing_points]
    images = [Work("weights", "resnet20", n, (3, 3)) for n in sizes.growing_images]
    networks = [Work("weights", name, 512, (3, 3)) for name in sizes.growing_networks]
    return [*points, *images, *networks]

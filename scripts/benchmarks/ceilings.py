"""What the machine can do at best: matrix products, and the network's convolutions alone."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.plain import TRIES, Done, Repetition
from benchmarks.work import CHANNELS, Job, Work, model_spec
from landscape.engine.allocator import keep_memory
from landscape.models import build_model
from landscape.rng import generator

GEMM_SIDE = {"cpu": 2048, "cuda": 8192}
GEMM_REPEATS = 4


@dataclass(frozen=True)
class Flops:
    """Floating-point operations per image, a multiplication and an addition counting two.

    Attributes:
        forward: of the whole network.
        step: of a forward and a backward pass.
        convolutions: of its convolutions, forward.
        convolution_step: of its convolutions, with the gradients of inputs and weights.
    """

    forward: int
    step: int
    convolutions: int
    convolution_step: int

    def per_image(self, work: Work, contestant: str) -> int:
        """What a contestant has to compute for each image that counts as done."""
        if work.kind != "training":
            return self.forward
        return self.step + (TRIES * self.forward if "worst" in contestant else 0)


def count_flops(work: Work) -> Flops:
    """Counted by running one image through the network."""
    model = build_model(model_spec(work.network), generator=generator(0)).eval()
    image = torch.zeros(1, CHANNELS, work.side, work.side)
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        model(image)
    with FlopCounterMode(display=False) as step:
        model(image).sum().backward()
    with FlopCounterMode(display=False) as full:  # with the gradient of the image itself
        model(image.requires_grad_()).sum().backward()
    return Flops(
        forward=forward.get_total_flops(),
        step=step.get_total_flops(),
        convolutions=_of_convolutions(forward),
        convolution_step=_of_convolutions(full),
    )


def _of_convolutions(counter: FlopCounterMode) -> int:
    counts = counter.get_flop_counts()["Global"]
    return sum(number for op, number in counts.items() if "convolution" in str(op))


def gemm(job: Job, *, dtype: torch.dtype = torch.float32, tf32: bool = False) -> Repetition:
    """Square matrix products; an "image" is one product."""
    torch.backends.cuda.matmul.fp32_precision = "tf32" if tf32 else "ieee"
    side = GEMM_SIDE[torch.device(job.work.device).type]
    a, b = (torch.rand(side, side, device=job.work.device).to(dtype) for _ in range(2))
    out = torch.empty_like(a)

    def run(points: Tensor) -> Done:
        for _ in range(GEMM_REPEATS):
            torch.mm(a, b, out=out)
        return Done(GEMM_REPEATS)

    return run


def gemm_flops(device: str) -> int:
    """Of one product of `gemm`."""
    return 2 * GEMM_SIDE[torch.device(device).type] ** 3


def convolutions(job: Job, *, dtype: torch.dtype = torch.float32) -> Repetition:
    """The network's convolutions one after the other, each on an input of its own shape.

    Channels last, memory kept: the best that eager PyTorch does with the same layers, had they
    nothing in between. In training each is followed by its two gradients.
    """
    keep_memory()
    backward = job.work.kind == "training"
    layers = _record(job, min(job.micro_batch, len(job.images)), dtype)
    if backward:
        for x, layer in layers:
            x.requires_grad_()
            layer.requires_grad_()

    def once() -> None:
        for x, layer in layers:
            y = layer(x)
            if backward:
                torch.autograd.grad(y, (x, layer.weight), torch.ones_like(y))

    def run(points: Tensor) -> Done:
        batch = len(layers[0][0])
        times = max(1, len(points) * job.work.images // batch)
        with torch.set_grad_enabled(backward):
            for _ in range(times):
                once()
        return Done(times * batch)

    return run


def _record(job: Job, batch: int, dtype: torch.dtype) -> list[tuple[Tensor, nn.Conv2d]]:
    """Every convolution of the network with an input as it gets one, in order."""
    found: list[tuple[Tensor, nn.Conv2d]] = []

    def note(module: nn.Module, inputs: tuple[Tensor]) -> None:
        assert isinstance(module, nn.Conv2d)
        found.append((inputs[0], module))

    hooks = [
        module.register_forward_pre_hook(note)
        for module in job.model.modules()
        if isinstance(module, nn.Conv2d)
    ]
    with torch.no_grad():
        job.model(job.images[:batch])
    for hook in hooks:
        hook.remove()
    job.model.to(dtype).to(memory_format=torch.channels_last)
    return [(x.to(dtype, memory_format=torch.channels_last), layer) for x, layer in found]

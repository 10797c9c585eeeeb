"""CUDA graphs: a forward pass without the cost of starting its kernels one by one."""

import torch
from torch import Tensor, nn

WARM_UP = 3  # passes before the capture, in which libraries allocate and choose their kernels


class GraphedForward:
    """A captured forward pass for images of one shape.

    The graph reads weights where they are, so that a module whose weights are moved in place stays
    what it replays.
    """

    def __init__(self, module: nn.Module, example: Tensor) -> None:
        """Capture.

        Args:
            module: in evaluation mode, on a CUDA device.
            example: images of the shape, type and memory format of all that follow.

        Raises:
            RuntimeError: the module does something that cannot be captured.
        """
        self._input = example.clone()
        stream = torch.cuda.Stream(example.device)
        stream.wait_stream(torch.cuda.current_stream(example.device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                module(self._input)
        torch.cuda.current_stream(example.device).wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._output = module(self._input)

    def __call__(self, images: Tensor) -> Tensor:
        """The logits of images of the captured shape."""
        self._input.copy_(images)
        self._graph.replay()
        output: Tensor = self._output.clone()
        return output

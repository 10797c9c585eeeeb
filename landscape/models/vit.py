"""A small vision transformer."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torchvision.models.vision_transformer import VisionTransformer

from landscape.errors import InputError
from landscape.models.layers import Normalize
from landscape.typing import Images, Logits

WIDTH, HEADS, LAYERS = 192, 3, 12


class ViTTiny(VisionTransformer):  # type: ignore[misc]  # torchvision has no types
    """ViT-Tiny: 12 layers of 3 heads, 192 wide (Touvron et al. 2021), of torchvision.

    Images of another size are resized to `side`, bilinearly. Normalization comes after the
    resizing, which is the same.

    Args:
        classes: outputs.
        channels: of the images.
        mean: see `Normalize.of`.
        std: likewise.
        side: pixels of the images that are cut into patches.
        patch: side of a patch, pixels; 0 stands for 8 x 8 patches, or 14 x 14 from 224 pixels on.

    Raises:
        InputError: patches do not tile the image.
    """

    def __init__(
        self,
        classes: int,
        channels: int,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        *,
        side: int = 32,
        patch: int = 0,
    ) -> None:
        patch = patch or side // (14 if side >= 224 else 8)
        if side < 1 or patch < 1 or side % patch:
            raise InputError(f"patches must tile the image, got {patch} pixels of {side}")
        super().__init__(side, patch, LAYERS, HEADS, WIDTH, 4 * WIDTH, num_classes=classes)
        if channels != 3:
            self.conv_proj: nn.Conv2d = nn.Conv2d(channels, WIDTH, patch, patch)
            nn.init.trunc_normal_(self.conv_proj.weight, std=(channels * patch**2) ** -0.5)
        nn.init.trunc_normal_(self.heads.head.weight, std=0.02)  # at 0 nothing tells images apart
        self.side = side
        self.normalize = Normalize.of(channels, mean, std)

    def forward(self, x: Images) -> Logits:
        """Logits of images in [0, 1]."""
        if x.shape[-2:] != (self.side, self.side):
            x = F.interpolate(
                x, (self.side, self.side), mode="bilinear", align_corners=False, antialias=True
            )
        with _attention(x.device.type):
            logits: Logits = super().forward(self.normalize(x))
        return logits


def _attention(device: str) -> AbstractContextManager[None]:
    """How attention is computed where a gradient is wanted.

    On a CPU the way back through the fused kernel takes as long as all else together; through
    plain matrix products it takes a fifth of that, for as few tokens as there are here.
    """
    if device != "cpu" or not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return nullcontext()
    plain: AbstractContextManager[None] = sdpa_kernel(SDPBackend.MATH)
    return plain

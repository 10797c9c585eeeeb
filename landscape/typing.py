"""The shapes that the package speaks of, and the roles that functions play in it."""

from collections.abc import Mapping

from jaxtyping import Float, Int, Shaped
from torch import Tensor

Images = Float[Tensor, "batch channel height width"]
"""Pixels in [0, 1]; rows run downwards. Normalization is the model's own first layer."""

Labels = Int[Tensor, " batch"]
"""Class indices, int64."""

Inputs = Shaped[Tensor, "batch ..."]
"""What any network takes, one row per example: pixels, tokens, rows of a table."""

Outputs = Shaped[Tensor, "batch ..."]
Targets = Shaped[Tensor, "batch ..."]

Logits = Float[Tensor, "batch classes"]
PerExample = Float[Tensor, " batch"]
PerExampleFlag = Shaped[Tensor, " batch"]

Pose = Float[Tensor, "batch 3"]
"""One (rotation [degrees], shift_x [pixels right], shift_y [pixels down]) per image."""

SharedPose = Float[Tensor, "3"]
"""One pose for all images of a batch."""

Weights = Mapping[str, Tensor]
"""Named tensors, as `Module.named_parameters` gives them."""

"""Random numbers: every consumer gets a generator of its own, named after what it draws."""

import hashlib

import torch


def derived_seed(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose; independent purposes get unrelated streams."""
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A CPU generator for one purpose, e.g. `generator(0, "direction", "alpha")`.

    Draws are made on the CPU and moved, so that a seed means the same on every device.
    """
    return torch.Generator().manual_seed(derived_seed(seed, *purpose))

"""What the figures were measured on."""

import os
import platform
from importlib import metadata
from pathlib import Path

import torch

PACKAGES = ("landscape", "torch", "torchvision", "numpy", "loss-landscapes", "foolbox")
BF16_FLAGS = ("avx512_bf16", "amx_bf16", "avx10", "bf16", "asimdbf16")


def facts() -> dict[str, str]:
    """Hardware, load and versions, as short strings."""
    return {
        "processor": f"{_processor()}, {torch.get_num_threads()} threads",
        "instructions": f"{torch.backends.cpu.get_cpu_capability()}, {_bf16()}",
        "memory": _memory(),
        "gpu": _gpu(),
        "load": _load(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
    }


def _cpuinfo(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    found = (line.partition(":")[2].strip() for line in lines if line.startswith(key))
    return next(found, "")


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _bf16() -> str:
    flags = (_cpuinfo("flags") or _cpuinfo("Features")).split()
    if not flags:
        return "bf16 unknown"
    found = [flag for flag in BF16_FLAGS if flag in flags]
    return f"bf16 by {', '.join(found)}" if found else "no bf16: it is emulated, and slower"


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return "unknown"
    return f"{size / 2**30:.0f} GiB"


def _gpu() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"


def _load() -> str:
    try:
        return f"{os.getloadavg()[0]:.1f} at the start (1 minute)"
    except OSError:
        return "unknown"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"

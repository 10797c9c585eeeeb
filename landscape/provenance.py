"""Where a result comes from: versions, device, commit."""

import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGES = ("landscape", "torch", "torchvision", "numpy", "h5py", "xarray")


def provenance(*, device: str | None = None) -> dict[str, str]:
    """Facts about this run, as short strings that go into every file the package writes.

    Args:
        device: the name of the device that computes, if something is computed.
    """
    facts = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **{name: version for name in PACKAGES if (version := _version(name))},
    }
    if commit := _commit(Path(__file__).resolve().parent):
        facts["commit"] = commit
    if device:
        facts["device"] = device
    return facts


@cache
def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@cache  # what a process runs is what it read when it began
def _commit(here: Path) -> str | None:
    """The commit of the checkout that a package is in, with a + where it has local changes."""
    if not (here.parent / ".git").exists():
        return None
    try:
        commit = _git(here, "rev-parse", "HEAD")
        return commit + ("+" if _git(here, "status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=5, check=True
    )
    return done.stdout.strip()

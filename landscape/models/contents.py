"""Files of tensors and plain values: written whole, read without running code."""

import hashlib
import io
import json
import re
import threading
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from landscape.errors import InputError
from landscape.files import atomic_write, forbidden
from landscape.text import printable
from landscape.weights import bytes_of

DEEPEST = 64  # values inside values
MESSAGE = 2000  # characters
SHARED = 16  # how many times over the tensors of a file may use its bytes, as tied weights do

_LOADING = threading.Lock()


def write_contents(path: Path, contents: Mapping[str, Any]) -> None:
    """Write tensors and plain values to a file that is whole or not there at all.

    PyTorch's own writer hides why it failed, so the bytes are made first and then written.

    Raises:
        InputError: the file cannot be written.
    """
    serialized = io.BytesIO()
    torch.save(dict(contents), serialized)
    with atomic_write(path) as temporary:
        temporary.write_bytes(serialized.getvalue())


def read_contents(path: Path, damaged: str) -> Any:
    """What `torch.save` or safetensors has written; only tensors and plain values are read.

    A file cannot run code, nor can it hold more than it takes on the disk.

    Args:
        path: of the file.
        damaged: the sentence for one that cannot be read.

    Raises:
        InputError: that sentence, or another one where the file may not be read or is meant to run
            code.
    """
    try:
        if path.suffix == ".safetensors":
            path.open("rb").close()  # safetensors calls absent what it may not read
            return safetensors.torch.load_file(path)
        _refuse_packed(path)
        with (
            _short_messages(),
            warnings.catch_warnings(action="ignore"),
        ):  # the odd is refused below
            contents = torch.load(path, map_location="cpu", weights_only=True)
        _refuse_expanded(contents, path.stat().st_size)
        return contents
    except PermissionError as error:
        raise forbidden(path) from error
    except Exception as error:  # a damaged file makes its reader fail in any way
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise InputError(
            f"{path} wants to run code when it is opened ({refused[1][:80]}), which is refused; "
            "have its author save the weights alone: torch.save(model.state_dict(), ...)"
            if refused
            else damaged
        ) from error
    except BaseException as error:  # what safetensors, written in Rust, ends in is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise InputError(damaged) from error


class _Begin:
    """The module `re`, except that `search` looks at the begin of a text alone."""

    def __getattr__(self, name: str) -> Any:
        return getattr(re, name)

    def search(self, pattern: str, text: str) -> Any:
        return re.search(pattern, text[:MESSAGE])


@contextmanager
def _short_messages() -> Iterator[None]:
    """Within the block PyTorch does not search all of what it says of a file that it refuses.

    The names in it may be as long as a file, and its patterns take the square of their length.
    """
    module: Any = torch.serialization
    with _LOADING:
        before = module.re
        module.re = _Begin()
        try:
            yield
        finally:
            module.re = before


def _refuse_packed(path: Path) -> None:
    """PyTorch stores tensors as they are; archives that unpack to more were made to do harm."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
    if not stored or sum(member.file_size for member in members) > path.stat().st_size:
        raise ValueError("packed archive")


def _refuse_expanded(contents: Any, size: int) -> None:
    """Raise unless every tensor is a plain one, with a place in the file for each of its values."""
    total = 0
    for tensor in _tensors(contents, DEEPEST):
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
            raise ValueError("not a plain tensor")
        taken = tensor.numel() * tensor.element_size()
        total += taken
        if taken > tensor.untyped_storage().nbytes() or total > SHARED * size:
            raise ValueError("a tensor larger than the file")


def _tensors(contents: Any, most: int) -> Iterator[Tensor]:
    if most == 0:
        raise ValueError("too deep")
    if isinstance(contents, Tensor):
        yield contents
    elif isinstance(contents, Mapping):
        for value in contents.values():
            yield from _tensors(value, most - 1)
    elif isinstance(contents, list | tuple | set | frozenset):
        for value in contents:
            yield from _tensors(value, most - 1)


def digest_of(contents: Any) -> str:
    """Of tensors and plain values, one in the other, since PyTorch reads flipped bits silently."""
    digest = hashlib.sha256()
    for part in _parts(contents):
        digest.update(part)
    return digest.hexdigest()


def _parts(value: Any) -> Iterator[bytes | memoryview]:
    if isinstance(value, Tensor):
        yield f"{tuple(value.shape)} {value.dtype}\n".encode()
        yield bytes_of(value)
    elif isinstance(value, Mapping):
        yield b"{"
        for name, inner in value.items():
            yield f"{name!r}:".encode()
            yield from _parts(inner)
        yield b"}"
    elif isinstance(value, list | tuple):
        yield b"["
        for inner in value:
            yield from _parts(inner)
        yield b"]"
    else:
        yield f"{json.dumps(value)}\n".encode()


def some(names: Any, shown: int = 3) -> str:
    """A few of the names, such as stand in a file, and the number of the others."""
    listed = [printable(str(name), 80) for name in names]
    rest = f" and {len(listed) - shown} more" if len(listed) > shown else ""
    return (", ".join(listed[:shown]) + rest) or "none"

"""Ways to damage a file, byte by byte; what knows the formats is in `structures` and `archives`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fuzzing.archives import change_archive, change_header
from fuzzing.structures import change_structure

Bytes = np.ndarray
Mutation = Callable[[Bytes, np.random.Generator, Bytes], Bytes]

INTERESTING = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    2**31 - 1,
    2**32 - 1,
    2**63 - 1,
    2**64 - 1,
)
HDF5 = b"\x89HDF"


def mutate(
    path: Path, rng: np.random.Generator, others: Sequence[Path], *, structure: bool = True
) -> str:
    """Damage a file in place.

    Args:
        path: of the file.
        rng: decides how.
        others: files from which parts may come.
        structure: also by what is known of the format.

    Returns:
        What was done, in a few words.
    """
    done = []
    if structure and rng.random() < 0.6:  # the rest of the time, or on top, bytes alone
        by_structure = _structure_of(path)
        if by_structure is not None:
            done.append(by_structure(path, rng))
    if not done or rng.random() < 0.15:
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8).copy()
        other = np.frombuffer(others[rng.integers(len(others))].read_bytes(), dtype=np.uint8)
        for _ in range(int(rng.choice([1, 1, 2, 4, 16]))):
            name = str(rng.choice(list(BYTES)))
            if len(data):
                data = BYTES[name](data, rng, other)
            done.append(name)
        path.write_bytes(data.tobytes())
    return ", ".join(done)


def _structure_of(path: Path) -> Callable[[Path, np.random.Generator], str] | None:
    start = path.read_bytes()[:4]
    if start == HDF5:
        return change_structure
    if start == b"PK\x03\x04":
        return change_archive
    return change_header if path.suffix == ".safetensors" else None


def _place(data: Bytes, rng: np.random.Generator) -> int:
    """Anywhere, or near the beginning or the end, where much of the structure is."""
    near, where = min(len(data), 4096), rng.random()
    if where < 0.5:
        return int(rng.integers(len(data)))
    return int(rng.integers(near)) if where < 0.8 else len(data) - 1 - int(rng.integers(near))


def _flip(data: Bytes, rng: np.random.Generator, other: Bytes) -> Bytes:
    data[_place(data, rng)] ^= 1 << int(rng.integers(8))
    return data


def _byte(data: Bytes, rng: np.random.Generator, other: Bytes) -> Bytes:
    data[_place(data, rng)] = rng.integers(256)
    return data


def _number(data: Bytes, rng: np.random.Generator, other: Bytes) -> Bytes:
    """A count or an address becomes one at the edge of what it can be."""
    width = int(rng.choice([1, 2, 4, 8]))
    value = INTERESTING[rng.integers(len(INTERESTING))] % 256**width
    start = _place(data, rng) // width * width
    new = np.frombuffer(value.to_bytes(width, "little"), dtype=np.uint8)
    data[start : start + width] = new[: len(data) - start]
    return data


def _cut(data: Bytes, rng: np.random.Generator, other: Bytes) -> Bytes:
    return data[: int(rng.integers(len(data)))]


def _block(data: Bytes, rng: np.random.Generator) -> slice:
    start = _place(data, rng)
    return slice(start, start + int(rng.choice([8, 64, 512, 4096])))


def _zero(data: Bytes, rng: np.random.Generator, other: Bytes) -> Bytes:
    data[_block(data, rng)] = int(rng.choice([0, 255]))
    return data


def _copy(data: Bytes, rng: np.random.Generator, other: Bytes) -> Bytes:
    source = data[_block(data, rng)].copy()
    start = _place(data, rng)
    data[start : start + len(source)] = source[: len(data) - start]
    return data


def _insert(data: Bytes, rng: np.random.Generator, other: Bytes) -> Bytes:
    start = _place(data, rng)
    new = rng.integers(256, size=int(rng.choice([1, 8, 512])), dtype=np.uint8)
    return np.concatenate([data[:start], new, data[start:]])


def _remove(data: Bytes, rng: np.random.Generator, other: Bytes) -> Bytes:
    part = _block(data, rng)
    return np.concatenate([data[: part.start], data[part.stop :]])


def _splice(data: Bytes, rng: np.random.Generator, other: Bytes) -> Bytes:
    start = _place(data, rng)
    return np.concatenate([data[:start], other[start:]])


def _borrow(data: Bytes, rng: np.random.Generator, other: Bytes) -> Bytes:
    part = _block(data, rng)
    new = other[part]
    data[part.start : part.start + len(new)] = new[: len(data) - part.start]
    return data


BYTES: dict[str, Mutation] = {
    "flip a bit": _flip,
    "another byte": _byte,
    "another number": _number,
    "cut off": _cut,
    "a block of one byte": _zero,
    "copy a block": _copy,
    "insert bytes": _insert,
    "remove a block": _remove,
    "end of another file": _splice,
    "block of another file": _borrow,
}

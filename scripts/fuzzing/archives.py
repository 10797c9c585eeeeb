"""Checkpoints changed from inside: the pickle in the archive, or the header of safetensors."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HUGE = 2**40


class Malicious:
    """Pickled, a command that the file would have run."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """What unpickling would call."""
        return os.system, ("exit 77",)


def change_archive(path: Path, rng: np.random.Generator) -> str:
    """Change something in the archive that `torch.save` writes, and write it anew."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    name = next(name for name in members if name.endswith("data.pkl"))
    what = str(rng.choice(list(ARCHIVE)))
    ARCHIVE[what](members, name, rng)
    kind = zipfile.ZIP_DEFLATED if what == "compress" else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return what


Members = dict[str, bytes]


def _bytes(members: Members, name: str, rng: np.random.Generator) -> None:
    data = bytearray(members[name])
    for _ in range(int(rng.choice([1, 2, 8]))):
        data[rng.integers(len(data))] = rng.integers(256)
    members[name] = bytes(data)


def _run_code(members: Members, name: str, rng: np.random.Generator) -> None:
    members[name] = pickle.dumps({"format": Malicious(), "state_dict": {}}, protocol=2)


def _something_else(members: Members, name: str, rng: np.random.Generator) -> None:
    values = (None, [], 3, {}, {"format": [1]}, {"format": "landscape-checkpoint"}, {1: {}})
    more = ({"format": "landscape-curve", "version": 1}, {"state_dict": {"a": "b"}})
    other = ({"format": "landscape-training-state", "version": 1, "settings": 3}, {"net": {3: 4}})
    every = (*values, *more, *other)
    members[name] = pickle.dumps(every[rng.integers(len(every))], protocol=2)


def _nested(members: Members, name: str, rng: np.random.Generator) -> None:
    members[name] = b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b"."


def _bomb(members: Members, name: str, rng: np.random.Generator) -> None:
    members[name] = b"\x80\x02X" + (2**28).to_bytes(4, "little") + b"a" * 2**20 + b"."


def _drop(members: Members, name: str, rng: np.random.Generator) -> None:
    del members[str(rng.choice(list(members)))]


def _sizes(members: Members, name: str, rng: np.random.Generator) -> None:
    """A small number in the pickle, such as a length, becomes a large one."""
    data = members[name]
    places = [i for i in range(len(data) - 1) if data[i : i + 1] == b"K"]
    place = places[rng.integers(len(places))]
    large = b"J" + int(rng.choice([2**31 - 1, 2**24])).to_bytes(4, "little")
    members[name] = data[:place] + large + data[place + 2 :]


def _shorten(members: Members, name: str, rng: np.random.Generator) -> None:
    tensors = [member for member in members if "/data/" in member] or [name]
    chosen = str(rng.choice(tensors))
    members[chosen] = members[chosen][: len(members[chosen]) // 2]


def _same(members: Members, name: str, rng: np.random.Generator) -> None:
    """Only another compression."""


ARCHIVE: dict[str, Callable[[Members, str, np.random.Generator], None]] = {
    "bytes of the pickle": _bytes,
    "code in the pickle": _run_code,
    "another object": _something_else,
    "deep nesting": _nested,
    "string that is too long": _bomb,
    "drop a member": _drop,
    "large sizes": _sizes,
    "short tensor": _shorten,
    "compress": _same,
}


def change_header(path: Path, rng: np.random.Generator) -> str:
    """Change something in the JSON that a safetensors file begins with."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    name = str(rng.choice([name for name in header if name != "__metadata__"]))
    changes: dict[str, Any] = {
        "shape": [HUGE, HUGE],
        "dtype": str(rng.choice(["F64", "BF16", "U8", "F4", "what"])),
        "data_offsets": [0, HUGE],
    }
    what = str(rng.choice([*changes, "name", "drop", "duplicate", "garbage"]))
    if what in changes:
        header[name][what] = changes[what]
    elif what == "name":
        header["\x1b[31m[red]" + "x" * 10_000] = header.pop(name)
    elif what == "drop":
        del header[name]
    elif what == "duplicate":
        header["twin"] = header[name]
    text = json.dumps(header).encode() if what != "garbage" else b"[" * 100_000
    out = io.BytesIO()
    out.write(len(text).to_bytes(8, "little") + text + raw[8 + length :])
    path.write_bytes(out.getvalue())
    return f"header: {what}"

"""Models in files: the package's own checkpoints, and weights from elsewhere."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import Generator, Tensor, nn

from landscape.errors import InputError
from landscape.models.build import MODELS, ModelSpec, blank_model, build_model, user_network
from landscape.models.contents import read_contents, some, write_contents
from landscape.text import printable
from landscape.typing import Weights
from landscape.weights import bytes_of, refuse_diverged

FORMAT = "landscape-checkpoint"
VERSION = 1
NESTED_KEYS = ("state_dict", "model_state_dict", "model", "net")
"""Where public checkpoints keep their weights, next to epochs and optimizers."""
WRAPPER_PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained model and where it comes from.

    Attributes:
        model: in evaluation mode, on the CPU.
        spec: what it was built from.
        configuration: how it was trained; empty for weights from elsewhere.
        provenance: commit, versions and device of the training; empty likewise.
        sha256: `weights_sha256` of the model.
    """

    model: nn.Module
    spec: ModelSpec
    configuration: Mapping[str, Any]
    provenance: Mapping[str, Any]
    sha256: str

    @property
    def trained_on(self) -> str:
        """The name of the data set that it was trained on.

        Raises:
            InputError: it does not say, as weights from elsewhere.
        """
        data = self.configuration.get("data")
        if not isinstance(data, Mapping) or not isinstance(data.get("name"), str):
            raise InputError(
                "these weights do not say what they were trained on; name the data set (--dataset)"
            )
        return str(data["name"])


def save_checkpoint(
    path: Path,
    model: nn.Module,
    spec: ModelSpec,
    *,
    configuration: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> None:
    """Write the weights of `model`, and all that is needed to use them, to one file.

    The file is whole or not there at all, holds nothing but tensors and plain JSON values, and is
    sealed by a digest, so that damage is found when it is read.

    Args:
        path: the file, usually `model.pt`; an existing one is replaced.
        model: built from `spec`, on any device.
        spec: kept in the file.
        configuration: how it was trained, as JSON values.
        provenance: where it was trained, as JSON values.
    """
    contents = {
        "format": FORMAT,
        "version": VERSION,
        "spec": _as_json(asdict(spec)),
        "configuration": _as_json(configuration),
        "provenance": _as_json(provenance),
        "state_dict": {name: value.cpu() for name, value in model.state_dict().items()},
    }
    write_contents(path, {**contents, "seal": _seal(contents)})


def load_checkpoint(path: Path | str, *, spec: ModelSpec | None = None) -> Checkpoint:
    """Read a checkpoint of this package, or weights from elsewhere.

    Weights from elsewhere are a state dict (.pt, .pth, ...), bare or under one of `NESTED_KEYS`, or
    a .safetensors file; prefixes that wrappers add are taken off. Only tensors and plain values are
    read (`weights_only=True`): a file cannot run code. Weights of another float precision become
    float32.

    Args:
        path: the file.
        spec: the network that weights from elsewhere belong to; classes and channels may be left
            out for a name of `MODELS`. A checkpoint of this package knows its own, but names no
            code that is not the package's: where a factory of the user's builds the network, the
            user says so.

    Raises:
        InputError: the file is missing, damaged or something else, the weights do not fit the
            network, they hold NaN or infinity, or the file alone names a factory.
    """
    path = Path(path)
    contents = _read(path)
    own = contents.get("format") == FORMAT
    if own:
        state, stored = _own_weights(contents, path), _own_spec(contents, path)
        if spec is not None and _contradicts(spec, stored):
            raise InputError(
                f"{path} says itself what it holds, {stored}; leave the model out, with its "
                "options, mean and standard deviation"
            )
        if spec is None and stored.is_foreign:
            raise InputError(
                f"the network of {path} is built by {printable(stored.name, 80)}, code that is not "
                "in the file and that a file may not choose; if it is yours, name it: --model, or "
                "spec=ModelSpec(...)"
            )
        spec = stored
    else:
        state = _foreign_weights(contents, path)
        if spec is None:
            raise InputError(
                f"{path} holds weights alone; say which network they belong to: one of "
                f"{', '.join(MODELS)}, or 'package.module:factory'"
            )
        spec = _complete(spec, state)
    if own and not spec.is_foreign:  # a file may say that its network is as large as it likes
        _refuse_misfit(blank_model(spec), state, path, spec)
    model = build_model(spec, generator=Generator().manual_seed(0))  # overwritten below
    _load(model if own else user_network(model, spec), state, path, spec)
    refuse_diverged(model, str(path))
    return Checkpoint(
        model=model.eval(),
        spec=spec,
        configuration=contents["configuration"] if own else {},
        provenance=contents["provenance"] if own else {},
        sha256=weights_sha256(model),
    )


def _own_spec(contents: Mapping[str, Any], path: Path) -> ModelSpec:
    try:
        return ModelSpec.from_dict(contents["spec"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} does not say which network its weights belong to; it is damaged, or of "
            "another version of landscape"
        ) from error


def _contradicts(given: ModelSpec, stored: ModelSpec) -> bool:
    """Whether what is said of a network is not so; what is left out is no contradiction."""
    try:
        said, holds = (_as_json(asdict(spec)) for spec in (given, stored))
    except TypeError:  # an option that no file can hold
        return True
    return any(value != holds[part] for part, value in said.items() if value)


def weights_sha256(model: nn.Module) -> str:
    """Digest of names, shapes, dtypes and bytes of the state dict, whatever its order or device."""
    state = model.state_dict()
    return _sha256({name: value for name, value in state.items() if isinstance(value, Tensor)})


def _sha256(state: Weights) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}\n".encode())
        digest.update(bytes_of(value))
    return digest.hexdigest()


def _as_json(values: Mapping[str, Any]) -> Any:
    """The same values as JSON gives them back: lists for tuples, and nothing but plain types."""
    return json.loads(json.dumps(values))


def _read(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        raise InputError(f"no such file: {path}")
    if path.is_dir():
        raise InputError(f"{path} is a folder; a checkpoint file was expected")
    if not path.stat().st_size:
        raise InputError(f"{path} is empty; a checkpoint was expected")
    contents = read_contents(path, f"{path} is not a checkpoint, or is damaged or cut short")
    if not isinstance(contents, Mapping):
        raise InputError(
            f"{path} holds {type(contents).__name__}; a checkpoint or a state dict was expected"
        )
    return contents


def _own_weights(contents: Mapping[str, Any], path: Path) -> Weights:
    version = contents.get("version")
    if version != VERSION:
        raise InputError(
            f"{path} has checkpoint format {version}, this version of landscape reads format "
            f"{VERSION}; update landscape"
        )
    try:
        intact = contents["seal"] == _seal(contents)
        intact = intact and _is_state_dict(contents["state_dict"])
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError, RecursionError):
        intact = False  # a part is missing or of another type
    if not intact:
        raise InputError(f"{path} is damaged: its contents are not those that were saved")
    state: Weights = contents["state_dict"]
    return state


def _seal(contents: Mapping[str, Any]) -> str:
    """Digest of all that a checkpoint holds, since PyTorch itself reads flipped bits silently."""
    facts = [contents[key] for key in ("spec", "configuration", "provenance")]
    text = json.dumps(facts, sort_keys=True) + _sha256(contents["state_dict"])
    return hashlib.sha256(text.encode()).hexdigest()


def _foreign_weights(contents: Mapping[str, Any], path: Path) -> Weights:
    state = next((contents[key] for key in NESTED_KEYS if key in contents), contents)
    if not _is_state_dict(state):
        raise InputError(
            f"{path} holds no weights: names with tensors were expected, bare or under one of "
            f"{', '.join(NESTED_KEYS)}; found {some(contents)}"
        )
    state = dict(state)
    while prefix := next((p for p in WRAPPER_PREFIXES if all(k.startswith(p) for k in state)), ""):
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _is_state_dict(values: Any) -> bool:
    if not isinstance(values, Mapping) or not values:
        return False
    return all(isinstance(n, str) and isinstance(value, Tensor) for n, value in values.items())


def _complete(spec: ModelSpec, state: Weights) -> ModelSpec:
    """`spec` with classes from the last linear layer and channels from the first convolution."""
    matrices = [value for value in state.values() if value.ndim == 2]
    kernels = [value for value in state.values() if value.ndim == 4]
    if spec.is_foreign or not matrices or not kernels:
        return spec
    return replace(
        spec,
        classes=spec.classes or matrices[-1].shape[0],
        channels=spec.channels or kernels[0].shape[1],
    )


def _load(network: nn.Module, state: Weights, path: Path, spec: ModelSpec) -> None:
    _refuse_shapes(network, state, path, spec)
    missing, unexpected = network.load_state_dict(state, strict=False)
    _refuse_names(missing, unexpected, path, spec)


def _refuse_misfit(network: nn.Module, state: Weights, path: Path, spec: ModelSpec) -> None:
    """Raise unless names and shapes are those of a network, whatever its weights are."""
    expected = network.state_dict()
    _refuse_shapes(network, state, path, spec)
    missing = [name for name in expected if name not in state]
    _refuse_names(missing, [name for name in state if name not in expected], path, spec)


def _refuse_shapes(network: nn.Module, state: Weights, path: Path, spec: ModelSpec) -> None:
    expected = network.state_dict()
    wrong = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in expected.keys() & state.keys()
        if state[name].shape != expected[name].shape
    ]
    if wrong:
        raise InputError(f"{path} does not fit {spec.name}: wrong shape of {some(sorted(wrong))}")


def _refuse_names(
    missing: Sequence[str], unexpected: Sequence[str], path: Path, spec: ModelSpec
) -> None:
    if missing or unexpected:
        raise InputError(
            f"{path} does not fit {spec.name}: missing {some(missing)}; "
            f"unexpected {some(unexpected)}"
        )

"""From what a user says of directions to one tensor per weight and axis."""

import re
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from landscape import directions
from landscape.directions import Around
from landscape.engine import Compute
from landscape.errors import InputError
from landscape.spatial import Warp
from landscape.surfaces import SpatialSurface, WeightSurface, grid_axis, pose_axes
from landscape.sweep import sweep
from landscape.weights import cosine, flatten, norm, normalize, weights_of

AXES = ("alpha", "beta")


def make_directions(source, weights, axes, *, seed, **options):
    return directions.make_directions(source, Around(weights, seed=seed), axes, **options)


@pytest.fixture
def weights(network: nn.Module) -> dict[str, Tensor]:
    return weights_of(network)


@pytest.fixture
def wide() -> dict[str, Tensor]:
    """Enough weights for random directions to be nearly orthogonal."""
    return {"a": torch.ones(100, 50), "b": torch.ones(200, 30, 2)}


def random_like(weights: dict[str, Tensor], *, seed: int) -> dict[str, Tensor]:
    draws = torch.Generator().manual_seed(seed)
    return {name: torch.randn(weight.shape, generator=draws) for name, weight in weights.items()}


# --- random -----------------------------------------------------------------------------------


def test_a_seed_gives_the_same_directions_on_every_call(weights):
    first = make_directions(None, weights, AXES, seed=3)
    torch.manual_seed(99)  # nothing of it comes from the global state
    second = make_directions("random", weights, AXES, seed=3)
    assert_close(first.vectors, second.vectors, rtol=0, atol=0)
    assert first.configuration == second.configuration


def test_drawing_leaves_the_global_random_state_alone(weights):
    before = torch.get_rng_state()
    make_directions(None, weights, AXES, seed=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_line_runs_along_the_first_axis_of_the_plane(weights):
    line = make_directions(None, weights, ("alpha",), seed=3)
    plane = make_directions(None, weights, AXES, seed=3)
    assert_close(line.vectors["alpha"], plane.vectors["alpha"], rtol=0, atol=0)
    swapped = make_directions(None, weights, ("beta", "alpha"), seed=3)
    assert_close(swapped.vectors["beta"], plane.vectors["beta"], rtol=0, atol=0)


def test_axes_and_seeds_have_nearly_orthogonal_directions(wide):
    first = make_directions(None, wide, AXES, seed=0).vectors
    second = make_directions(None, wide, AXES, seed=1).vectors
    assert abs(cosine(first["alpha"], first["beta"])) < 0.04  # 1/sqrt(17,000) = 0.008
    assert abs(cosine(first["alpha"], second["alpha"])) < 0.04


def test_unnormalized_numbers_are_standard_normal(wide):
    vector = make_directions(None, wide, ("alpha",), seed=0, normalization="none").vectors["alpha"]
    values = flatten(vector)
    assert values.mean().abs() < 0.03
    assert values.std().item() == pytest.approx(1, abs=0.03)
    assert values.abs().max() > 3


@pytest.mark.parametrize("ignore", ["biasbn", "none"])
@pytest.mark.parametrize("normalization", ["filter", "layer", "weight", "none"])
def test_random_directions_are_normalized_as_asked(weights, normalization, ignore):
    settings = {"normalization": normalization, "ignore": ignore}
    made = make_directions(None, weights, AXES, seed=5, **settings)
    raw = make_directions(None, weights, AXES, seed=5, normalization="none", ignore="none")
    for axis in AXES:
        expected = normalize(raw.vectors[axis], weights, how=normalization, ignore=ignore)
        assert_close(made.vectors[axis], expected, rtol=0, atol=0)
    assert settings.items() <= made.configuration.items()
    assert made.configuration["directions"] == "random"
    assert made.configuration["seed"] == 5


def test_by_default_filters_have_the_norms_of_the_weights(weights):
    vector = make_directions(None, weights, ("alpha",), seed=0).vectors["alpha"]
    for name in ("0.weight", "6.weight"):
        assert_close(vector[name].flatten(1).norm(dim=1), weights[name].flatten(1).norm(dim=1))
    moved = {name for name, tensor in vector.items() if tensor.any()}
    assert moved == {"0.weight", "6.weight"}


def test_a_seed_means_the_same_direction_in_double_precision(weights):
    doubled = {name: weight.double() for name, weight in weights.items()}
    single = make_directions(None, weights, AXES, seed=0, normalization="none").vectors
    double = make_directions(None, doubled, AXES, seed=0, normalization="none").vectors
    assert all(tensor.dtype == torch.float64 for tensor in double["beta"].values())
    assert_close(single["beta"], {n: t.float() for n, t in double["beta"].items()}, rtol=0, atol=0)
    torch.set_default_dtype(torch.float64)
    try:
        again = make_directions(None, weights, AXES, seed=0, normalization="none").vectors
    finally:
        torch.set_default_dtype(torch.float32)
    assert_close(again, single, rtol=0, atol=0)


def test_the_digest_names_the_content(weights):
    digests = {
        make_directions(source, weights, axes, seed=seed).configuration["directions_sha256"]
        for source, axes, seed in [
            (None, AXES, 0),
            (None, AXES, 1),
            (None, ("alpha",), 0),
            ([random_like(weights, seed=0), random_like(weights, seed=1)], AXES, 0),
            ([random_like(weights, seed=1), random_like(weights, seed=0)], AXES, 0),
            ([random_like(weights, seed=0)], ("alpha",), 0),
            ([random_like(weights, seed=0)], ("beta",), 0),
        ]
    }
    assert len(digests) == 7
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)


# --- given ------------------------------------------------------------------------------------


FORMS: dict[str, Callable[[dict[str, Tensor]], object]] = {
    "tensors": lambda named: list(named.values()),
    "tuple": lambda named: tuple(named.values()),
    "arrays": lambda named: [tensor.numpy() for tensor in named.values()],
    "parameters": lambda named: [nn.Parameter(tensor) for tensor in named.values()],
    "mapping": lambda named: named,
    "mapping in another order": lambda named: dict(reversed(named.items())),
    "mapping with more in it": lambda named: {**named, "1.running_mean": torch.zeros(4)},
    "vector": flatten,
    "vector with a gradient": lambda named: flatten(named).requires_grad_(),
    "array": lambda named: flatten(named).double().numpy(),
    "row": lambda named: flatten(named)[None],
}
"""A direction in every form a user may have it in."""


@pytest.mark.parametrize("form", FORMS)
def test_every_form_means_the_same_and_is_used_as_it_is(weights, form):
    first, second = random_like(weights, seed=0), random_like(weights, seed=1)
    made = make_directions([FORMS[form](first), second], weights, AXES, seed=0)
    assert_close(made.vectors["alpha"], first, rtol=0, atol=0)
    assert_close(made.vectors["beta"], second, rtol=0, atol=0)
    assert made.configuration["directions"] == "given"
    plain = make_directions([first, second], weights, AXES, seed=1)
    assert plain.configuration == made.configuration  # no seed, no normalization, same digest


def test_given_directions_take_on_the_precision_of_the_weights(weights):
    doubled = {name: weight.double() for name, weight in weights.items()}
    made = make_directions([random_like(weights, seed=0)], doubled, ("alpha",), seed=0)
    assert {tensor.dtype for tensor in made.vectors["alpha"].values()} == {torch.float64}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_one_direction_per_axis(weights, count):
    with pytest.raises(InputError, match=f"expected 2 directions.*alpha, beta, got {count}"):
        make_directions([random_like(weights, seed=0)] * count, weights, AXES, seed=0)


def without(name: str, named: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in named.items() if key != name}


def test_directions_of_another_architecture_are_refused(weights):
    named = random_like(weights, seed=0)
    tensors, flat = list(named.values()), flatten(named)
    wrong = {
        r"direction of 6 tensors, one per parameter.*got 5; build": tensors[:5],
        r"direction of 6 tensors, one per parameter.*got 7; build": [*tensors, tensors[0]],
        r"shape \(4, 1, 3, 3\) for 0.weight, got \(4, 3, 3\); build": [
            tensors[0].squeeze(),
            *tensors[1:],
        ],
        r"shape \(3, 16\) for 6.weight, got \(16, 3\); build": {
            **named,
            "6.weight": named["6.weight"].T,
        },
        r"none for 1.bias; build it from model.named_parameters": without("1.bias", named),
        r"none for 0.weight, .*, 6.bias; build": {"module." + n: t for n, t in named.items()},
        rf"direction of {len(flat)} numbers.*got {len(flat) - 1}; use": flat[1:],
        rf"direction of {len(flat)} numbers.*got {len(flat) + 1}; use": np.zeros(len(flat) + 1),
    }
    for message, direction in wrong.items():
        with pytest.raises(InputError, match=message):
            make_directions([direction], weights, ("alpha",), seed=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "randon"}, "unknown direction 'randon'; did you mean 'random'"),
        ({"source": None, "normalization": "filtr"}, "'filtr'; did you mean 'filter'"),
        ({"source": None, "ignore": "biasbm"}, "'biasbm'; did you mean 'biasbn'"),
    ],
)
def test_unknown_names_get_a_suggestion(weights, options, message):
    with pytest.raises(InputError, match=message):
        make_directions(weights=weights, axes=AXES, seed=0, **options)


# --- from a file ------------------------------------------------------------------------------


@pytest.fixture
def stored(network, images, labels, tmp_path) -> Path:
    path = tmp_path / "plane.h5"
    surface = WeightSurface(
        network,
        images,
        labels,
        axes=tuple(grid_axis(axis, [-1, 0, 1], "1", axis) for axis in AXES),
        directions=make_directions(None, weights_of(network), AXES, seed=8),
        compute=Compute(),
        identity={},
    )
    sweep(surface, path)
    return path


def test_a_stored_surface_gives_its_directions_back(stored, weights):
    original = make_directions(None, weights, AXES, seed=8)
    for source in (stored, str(stored)):
        read = make_directions(source, weights, AXES, seed=0)
        assert_close(read.vectors, original.vectors, rtol=0, atol=0)
        assert read.configuration == {
            "directions": "file",
            "directions_sha256": original.configuration["directions_sha256"],
        }


def test_a_line_may_take_one_direction_of_a_stored_plane(stored, weights):
    original = make_directions(None, weights, AXES, seed=8).vectors["beta"]
    read = make_directions(stored, weights, ("beta",), seed=0).vectors
    assert list(read) == ["beta"]
    assert_close(read["beta"], original, rtol=0, atol=0)
    assert norm(read["beta"]) > 0


@pytest.mark.parametrize("setting", [{"normalization": "layer"}, {"ignore": "none"}])
def test_what_is_used_as_it_is_takes_no_settings(weights, setting):
    given = random_like(weights, seed=0)
    with pytest.raises(InputError, match="used as they are; leave out"):
        make_directions([given], weights, ("alpha",), seed=0, **setting)
    make_directions([given, "random"], weights, AXES, seed=0, **setting)


def test_a_file_that_cannot_serve_is_refused(stored, weights, tmp_path):
    with pytest.raises(InputError, match="holds no direction for gamma, only for alpha, beta"):
        make_directions(stored, weights, ("alpha", "gamma"), seed=0)
    with pytest.raises(InputError, match=r"no such file: .*none\.h5"):
        make_directions(str(tmp_path / "none.h5"), weights, AXES, seed=0)
    with pytest.raises(InputError, match="as many as the model has parameters"):
        make_directions(stored, {"0.weight": weights["0.weight"]}, AXES, seed=0)
    text = tmp_path / "notes.h5"
    text.write_text("not a surface")
    with pytest.raises(InputError, match="not a readable HDF5 file"):
        make_directions(text, weights, AXES, seed=0)


def test_a_spatial_surface_has_no_directions(network, images, labels, weights, tmp_path):
    path = tmp_path / "poses.h5"
    axes = pose_axes(height=8, width=8, rotation=[0.0], shift_x=[0.0], shift_y=[0.0])
    sweep(
        SpatialSurface(
            network, images, labels, axes=axes, warp=Warp(), compute=Compute(), identity={}
        ),
        path,
    )
    with pytest.raises(InputError, match=r"holds no directions.*'spatial' surface.*weight surface"):
        make_directions(path, weights, AXES, seed=0)


# --- of Li et al. -----------------------------------------------------------------------------


def li_file(path: Path, tensors: list[np.ndarray]) -> Path:
    with h5py.File(path, "w") as file:
        for group in ("xdirection", "ydirection"):
            for i, tensor in enumerate(tensors):
                file[f"{group}/{i}"] = tensor
    return path


def test_a_direction_file_of_li_et_al_is_one_tensor_per_parameter(weights, tmp_path):
    given = random_like(weights, seed=1)
    path = li_file(tmp_path / "theirs.h5", [tensor.numpy() for tensor in given.values()])
    made = make_directions(path, weights, AXES, seed=0)
    assert_close(made.vectors["beta"], given, rtol=0, atol=0)
    with pytest.raises(InputError, match="no direction for gamma, only for alpha, beta"):
        make_directions(path, weights, ("alpha", "gamma"), seed=0)


def test_one_over_the_whole_state_gives_its_parameters_unless_buffers_move(
    network, weights, tmp_path
):
    given = random_like(weights, seed=1)
    state = {n: given.get(n, torch.zeros_like(t)) for n, t in network.state_dict().items()}
    around = Around(weights, model=network)
    path = li_file(tmp_path / "states.h5", [tensor.numpy() for tensor in state.values()])
    made = directions.make_directions(path, around, AXES)
    assert_close(made.vectors["alpha"], given, rtol=0, atol=0)
    state["1.running_var"] = torch.ones(4)
    path = li_file(tmp_path / "moving.h5", [tensor.numpy() for tensor in state.values()])
    with pytest.raises(InputError, match=r"moves 1\.running_var"):
        directions.make_directions(path, around, AXES)

"""Both surfaces against plain loops, through the public functions and real files."""

import copy
import json
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import landscape
from landscape.engine import Compute
from landscape.errors import InputError
from landscape.plots import prepare
from landscape.rng import generator
from landscape.spatial import Warp
from landscape.store import facts
from landscape.surfaces import SpatialSurface, pose_axes
from landscape.sweep import SurfaceWarning
from landscape.weights import normalize, weights_of

ROTATION, SHIFT = [-30.0, 0.0, 30.0], [-0.8, 0.8]
STEPS = np.linspace(-1, 1, 5)


def plain_outputs(model, images, labels):
    logits = copy.deepcopy(model).eval()(images).double().detach()
    loss = F.cross_entropy(logits, labels, reduction="none")
    return logits, loss


def spatial(network, images, labels, **options):
    grid = {"rotation": ROTATION, "shift_x": SHIFT, "shift_y": [0.0]}
    return landscape.spatial_surface(network, images, labels, **(grid | options))


def plane(network, images, labels, **options):
    return landscape.weight_surface(
        network, images, labels, **({"alpha": STEPS, "beta": STEPS} | options)
    )


def test_spatial_surface_is_that_of_a_plain_loop(network, images, labels):
    data = spatial(network, images, labels)
    assert data.loss.dims == ("image", "rotation", "shift_x", "shift_y")
    for i, r, sx in product(range(7), ROTATION, SHIFT):
        moved = landscape.rotate_shift(images[i : i + 1], torch.tensor([[r, sx, 0.0]]))
        logits, loss = plain_outputs(network, moved, labels[i : i + 1])
        at = data.sel(image=i, rotation=r, shift_x=sx, shift_y=0.0)
        assert float(at.loss) == pytest.approx(loss.item(), rel=1e-4)
        others = logits[0].clone()
        others[labels[i]] = -torch.inf
        assert float(at.margin) == pytest.approx(
            (logits[0, labels[i]] - others.max()).item(), rel=1e-3, abs=1e-5
        )
        assert int(at.prediction) == logits.argmax()
    assert data.label.values.tolist() == labels.tolist()
    np.testing.assert_array_equal(data.pixels, (images * 255).round().byte())


@pytest.mark.parametrize("size", [1, 7, 28, 200], ids=lambda size: f"{size} a pass")
def test_poses_are_the_same_to_the_last_bit_in_any_company(images, labels, size):
    """What a killed sweep lacks it puts together otherwise than one that runs through."""
    model = landscape.MODELS["cnn"](3, 1)
    surface = SpatialSurface(
        model.eval(),
        images.repeat(1, 1, 2, 2),
        labels,
        axes=pose_axes(height=16, width=16, rotation=np.linspace(-30, 30, 9), shift_y=[0.0]),
        warp=Warp(),
        compute=Compute(micro_batch=size, compile="never"),
        identity={},
    )
    points = surface.layout.coordinates(np.arange(45))
    whole = surface.evaluate(points)
    for cut in (1, 3, 44):
        parts = [surface.evaluate(points[:cut]), surface.evaluate(points[cut:])]
        for name, values in whole.items():
            assert np.array_equal(np.concatenate([part[name] for part in parts]), values), name


def test_the_default_grid_is_the_papers(network, images, labels):
    data = landscape.spatial_surface(network, images[:1], labels[:1])
    assert data.loss.shape == (1, 31, 5, 5)
    assert data.rotation.values[[0, 15, 30]].tolist() == [-30, 0, 30]
    assert data.shift_x.values.tolist() == pytest.approx([-0.8, -0.4, 0, 0.4, 0.8])


def test_weight_surface_is_that_of_a_plain_float64_loop(network, images, labels):
    data = plane(network, images, labels, seed=3)
    weights = weights_of(network)
    directions = {}
    for axis in ("alpha", "beta"):
        draws = generator(3, "direction", axis)
        raw = {n: torch.randn(w.shape, generator=draws) for n, w in weights.items()}
        directions[axis] = normalize(raw, weights)
    twin = copy.deepcopy(network).double().eval()
    for a, b in product(STEPS, STEPS):
        moved = {
            n: w.double() + a * directions["alpha"][n].double() + b * directions["beta"][n].double()
            for n, w in weights.items()
        }
        logits = torch.func.functional_call(twin, moved, images.double()).detach()
        loss = F.cross_entropy(logits, labels, reduction="none").numpy()
        at = data.sel(alpha=a, beta=b)
        assert float(at.loss) == pytest.approx(loss.mean(), rel=1e-4, abs=1e-6)
        assert float(at.loss_stderr) == pytest.approx(loss.std(ddof=1) / np.sqrt(7), rel=1e-3)
        assert float(at.accuracy) == pytest.approx((logits.argmax(1) == labels).double().mean())


def test_a_line_is_the_first_axis_of_the_plane(network, images, labels):
    line = plane(network, images, labels, beta=None)
    assert line.loss.dims == ("alpha",)
    whole = plane(network, images, labels)
    np.testing.assert_allclose(line.loss, whole.loss.sel(beta=0.0), rtol=1e-12)


def test_a_quadratic_bowl(images):
    """Two logits z and 0 with z linear in one weight: along it the loss is known in closed form."""

    class Bowl(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor([[1.0, 2.0]]).double())

        def forward(self, x):
            z = self.w.square().sum().expand(len(x))
            return torch.stack([-z, torch.zeros_like(z)], dim=1)  # loss = log(1 + e^z)

    labels = torch.zeros(7, dtype=torch.int64)
    directions = [[torch.tensor([[1.0, 0.0]])], [torch.tensor([[0.0, 1.0]])]]
    data = plane(Bowl(), images.double(), labels, directions=directions)
    a, b = np.meshgrid(STEPS, STEPS, indexing="ij")
    bowl = (1 + a) ** 2 + (2 + b) ** 2
    np.testing.assert_allclose(data.loss, np.logaddexp(0, bowl), rtol=1e-12)
    assert float(data.loss_stderr.max()) < 1e-12


@pytest.mark.parametrize("surface", [spatial, plane])
def test_the_callers_model_is_untouched_on_success_error_and_interrupt(
    surface, network, images, labels, untouched, tmp_path
):
    with untouched(network):
        surface(network, images, labels)
        with pytest.raises(InputError):
            surface(network, images, labels + 3)
        out = tmp_path / "s.h5"
        hook = Interrupting(after=4)
        network.register_forward_hook(hook)
        with pytest.raises(KeyboardInterrupt):
            surface(network, images, labels, out=out)
        network._forward_hooks.clear()


class Interrupting:
    """A forward hook that presses Ctrl-C; copies of the model share its count."""

    def __init__(self, after):
        self.left = after

    def __deepcopy__(self, memo):
        return self

    def __call__(self, *_):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("surface", [spatial, plane])
def test_an_interrupted_surface_continues_to_the_same_values(
    surface, network, images, labels, tmp_path
):
    many = {"rotation": np.linspace(-30, 30, 61)} if surface is spatial else {}
    whole = surface(network, images, labels, **many)
    out = tmp_path / "s.h5"
    stop = network.register_forward_hook(Interrupting(after=8))
    with pytest.raises(KeyboardInterrupt):
        surface(network, images, labels, out=out, **many)
    stop.remove()
    part = landscape.load_surface(out)
    done = int(part.done.sum())
    assert 0 < done < part.done.size
    assert not part.attrs["complete"]
    again = surface(network, images, labels, out=out, **many)
    assert again.attrs["complete"]
    assert again.attrs["points_from_earlier_runs"] == done
    for name in ("loss", *({"margin", "prediction"} & set(whole))):
        np.testing.assert_array_equal(again[name], whole[name])


def test_a_finished_file_is_read_not_computed(network, images, labels, tmp_path):
    first = plane(network, images, labels, out=tmp_path / "w.h5")
    stop = network.register_forward_hook(Interrupting(after=5))  # two images, to try the model
    again = plane(network, images, labels, out=tmp_path / "w.h5")
    stop.remove()
    np.testing.assert_array_equal(first.loss, again.loss)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 1}, "seed is 0 in the file, 1 was asked for"),
        ({"bn": "recompute"}, "bn is 'frozen' in the file, 'recompute' was asked for"),
        ({"precision": "bf16"}, "precision is 'fp32' in the file"),
        ({"alpha": [0.0, 1.0]}, "alpha is 5 values from -1 to 1 in the file"),
    ],
)
def test_another_configuration_is_refused(network, images, labels, tmp_path, change, named):
    plane(network, images, labels, out=tmp_path / "w.h5")
    with pytest.raises(InputError, match=named):
        plane(network, images, labels, out=tmp_path / "w.h5", **change)


def test_other_weights_and_other_data_are_refused(network, images, labels, tmp_path):
    plane(network, images, labels, out=tmp_path / "w.h5")
    with pytest.raises(InputError, match="data_sha256"):
        plane(network, images + 0.001, labels, out=tmp_path / "w.h5")
    with torch.no_grad():
        network[-1].bias += 1
    with pytest.raises(InputError, match="weights_sha256"):
        plane(network, images, labels, out=tmp_path / "w.h5")


def test_directions_are_stored_and_can_be_used_again(network, images, labels, tmp_path):
    coarse = plane(network, images, labels, seed=5, out=tmp_path / "w.h5")
    dense = plane(
        network, images, labels, alpha=np.linspace(-1, 1, 9), directions=tmp_path / "w.h5"
    )
    np.testing.assert_allclose(dense.loss.sel(alpha=STEPS), coarse.loss, rtol=1e-12)


def test_checks_are_recorded_and_pass(network, images, labels):
    for data in (spatial(network, images, labels), plane(network, images, labels)):
        checks = {c["name"]: c for c in facts(data)["checks"]}
        assert {"centre", "recomputed", "repeatable", "non-finite"} <= checks.keys()
        assert all(c["passed"] for c in checks.values())
        assert checks["recomputed"]["value"] < 1e-5
    assert checks["norm alpha"]["value"] == pytest.approx(
        norm_of(weight for weight in weights_of(network).values() if weight.ndim > 1)
        / norm_of(weights_of(network).values()),
        rel=1e-5,
    )
    assert abs(checks["cosine alpha beta"]["value"]) < 0.5


def norm_of(tensors):
    return sum(float(t.double().square().sum()) for t in tensors) ** 0.5


def test_a_random_model_fails_its_checks_loudly(images, labels):
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(64, 3)

        def forward(self, x):
            return self.linear(x.flatten(1)) + torch.randn(len(x), 3)

    with pytest.warns(SurfaceWarning) as warned:
        data = plane(Noisy(), images, labels)
    assert any("two forward passes" in str(w.message) for w in warned)
    checks = {c["name"]: c["passed"] for c in facts(data)["checks"]}
    assert not checks["repeatable"]
    assert not checks["recomputed"]


def test_infinite_losses_are_stored_as_measured(network, images, labels):
    huge = [[torch.full_like(p, 1e38) for p in network.parameters()]]
    data = plane(network, images, labels, alpha=[-1.0, 0.0, 1.0], beta=None, directions=huge)
    assert not np.isfinite(data.loss.values[[0, 2]]).any()
    assert np.isfinite(data.loss.values[1])
    share = {c["name"]: c["value"] for c in facts(data)["checks"]}["non-finite"]
    assert share == pytest.approx(2 / 3)


def test_the_file_tells_where_it_comes_from(network, images, labels):
    told = facts(plane(network, images, labels, identity={"model": "mine"}))
    assert told["configuration"]["model"] == "mine"
    assert told["configuration"]["samples"] == 7
    assert torch.__version__.startswith(told["provenance"]["torch"])
    assert told["provenance"]["device"] == "cpu"
    assert json.dumps(told["configuration"])
    assert told["wall_time_seconds"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bn": "frozne"}, "did you mean 'frozen'"),
        ({"directions": "randon"}, "unknown direction 'randon'; did you mean 'random'"),
        ({"normalization": "fliter"}, "did you mean 'filter'"),
        ({"ignore": "bias"}, "unknown set of weights to ignore 'bias'"),
        ({"directions": [[1, 2]]}, "expected 2 directions"),
        ({"directions": "nowhere.h5"}, "no such file: nowhere.h5"),
        ({"fields": "accuracy"}, "a list of different names of fields, got 'accuracy'"),
        ({"fields": ["accuracy", "accuracy"]}, "a list of different names of fields"),
        ({"alpha": -3}, "at least one point along alpha, got -3"),
        ({"beta": 0}, "at least one point along beta, got 0"),
    ],
)
def test_bad_names_are_refused_with_a_suggestion(network, images, labels, options, message):
    with pytest.raises(InputError, match=message):
        plane(network, images, labels, **options)


@pytest.mark.parametrize("name", ["data", "weights", "directions", "clean", "", "a/b"])
def test_further_data_take_no_name_that_the_file_has(network, images, labels, name):
    """The digest of data of the name "data" would be that of the surface's own."""
    with pytest.raises(InputError, match="expected a name for further data"):
        plane(network, images, labels, others={name: (images, labels)})


@pytest.mark.parametrize("ids", [[], [0, 1], range(8)])
def test_every_image_has_one_place_in_its_data_set(network, images, labels, ids):
    with pytest.raises(InputError, match="expected for image_ids 7 whole numbers"):
        spatial(network, images, labels, image_ids=ids)


def test_counts_of_points_may_be_those_of_numpy(network, images, labels):
    data = plane(network, images, labels, alpha=np.int64(3), beta=None)
    assert data.alpha.values.tolist() == [-1.0, 0.0, 1.0]


def test_masks_may_be_infinite_and_a_state_hold_what_is_no_tensor(network, images, labels):
    class Masked(nn.Sequential):
        def get_extra_state(self):
            return {"version": 2}

        def set_extra_state(self, state):
            assert state == {"version": 2}

    masked = Masked(*network)
    masked.register_buffer("mask", torch.full((2, 2), -torch.inf).triu(1))
    own, other = (plane(model, images, labels, beta=None) for model in (masked, network))
    np.testing.assert_array_equal(own.loss, other.loss)
    masked[1].running_var[0] = torch.inf
    with pytest.raises(InputError, match=r"NaN or infinite: 1 values, the first in 1\.running_var"):
        plane(masked, images, labels, beta=None)


def test_a_model_without_parameters_has_no_directions(images, labels):
    with pytest.raises(InputError, match="expected a model with parameters, Flatten has none"):
        plane(nn.Flatten(), images, labels)


def test_bad_pose_settings_are_refused_with_a_suggestion(network, images, labels):
    with pytest.raises(InputError, match="did you mean 'engstrom-tf'"):
        spatial(network, images, labels, convention="engstrom-ft")
    with pytest.raises(InputError, match="unknown padding 'wrap'"):
        spatial(network, images, labels, padding="wrap")


@pytest.mark.parametrize("padding", ["zeros", "border", "reflect"])
def test_a_figure_shows_the_worst_pose_as_the_model_saw_it(network, images, labels, padding):
    """Plots have a warp of their own, without torch, and read the padding from the file."""
    data = spatial(network, images, labels, padding=padding)
    for i in range(len(images)):
        image = data.isel(image=i)
        worst = prepare.worst_pose(image)
        pose = torch.tensor([[worst.rotation, worst.shift_x, worst.shift_y]])
        eight_bit = (images[i : i + 1] * 255).round() / 255
        seen = landscape.rotate_shift(eight_bit, pose, padding=padding)
        drawn = torch.from_numpy(prepare.posed_pixels(image, worst)).movedim(-1, 0)
        torch.testing.assert_close(drawn / 255, seen[0], rtol=0, atol=0.51 / 255)


def test_a_figure_does_not_show_a_pose_of_another_convention(network, images, labels):
    assert prepare.can_pose(spatial(network, images, labels))
    assert not prepare.can_pose(spatial(network, images, labels, convention="engstrom-tf"))

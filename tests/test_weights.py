"""The algebra of named weights against numpy in float64."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from landscape.errors import InputError
from landscape.rng import generator
from landscape.weights import (
    NORMALIZATIONS,
    cosine,
    filter_norms,
    flatten,
    inner,
    norm,
    normalize,
    refuse_nonfinite,
    unflatten,
    weights_of,
)


class Mixed(nn.Module):
    """Every kind of weight that a filter may be cut from, some of it shared."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 5, 3)
        self.grouped = nn.Conv1d(4, 6, 3, groups=2)
        self.up = nn.ConvTranspose2d(3, 4, 2)
        self.norm = nn.BatchNorm2d(5)
        self.linear = nn.Linear(7, 4)
        self.tied = nn.Linear(7, 4)
        self.tied.weight = self.linear.weight
        self.scale = nn.Parameter(torch.tensor(2.5))


MATRICES = ("conv.weight", "grouped.weight", "up.weight", "linear.weight")


def random_weights(seed: int, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    draws = generator(seed)
    return {
        name: torch.randn(weight.shape, generator=draws).to(dtype)
        for name, weight in Mixed().named_parameters()
    }


def as_numpy(weights: dict[str, Tensor]) -> np.ndarray:
    return np.concatenate([w.double().numpy().ravel() for w in weights.values()])


def test_weights_are_views_in_order_and_shared_ones_count_once():
    model = Mixed()
    weights = weights_of(model)
    assert list(weights) == [name for name, _ in model.named_parameters()]
    assert "tied.weight" not in weights
    assert "tied.bias" in weights
    assert not any(weight.requires_grad for weight in weights.values())
    weights["linear.weight"].zero_()
    assert model.tied.weight.abs().max() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_norm_inner_and_cosine_are_numpys_in_float64(dtype):
    a, b = random_weights(0, dtype), random_weights(1, dtype)
    x, y = as_numpy(a), as_numpy(b)
    assert norm(a) == pytest.approx(np.linalg.norm(x), rel=1e-13)
    assert inner(a, b) == pytest.approx(x @ y, rel=1e-12)
    assert cosine(a, b) == pytest.approx(x @ y / np.linalg.norm(x) / np.linalg.norm(y), rel=1e-12)


def test_sums_do_not_lose_small_weights_beside_large_ones():
    weights = {"large": torch.tensor([1e4]), "small": torch.full((10_000,), 1e-2)}
    assert norm(weights) ** 2 == pytest.approx(1e8 + 1.0, rel=1e-10)


def test_the_cosine_ignores_scale_and_is_nan_for_no_direction_at_all():
    a = random_weights(0)
    assert cosine(a, {name: -3 * weight for name, weight in a.items()}) == pytest.approx(-1)
    assert math.isnan(cosine(a, {name: 0 * weight for name, weight in a.items()}))


def test_flatten_is_in_parameters_order_and_unflatten_undoes_it():
    model = Mixed()
    weights = weights_of(model)
    flat = flatten(weights)
    assert torch.equal(flat, nn.utils.parameters_to_vector(model.parameters()))
    assert_close(unflatten(flat, weights), weights, rtol=0, atol=0)


def test_unflatten_takes_on_the_types_of_the_weights():
    like = {"a": torch.zeros(2, 3, dtype=torch.float64), "b": torch.zeros(())}
    parts = unflatten(torch.arange(7, dtype=torch.float32), like)
    assert parts["a"].dtype == torch.float64
    assert parts["b"].shape == ()
    assert_close(parts["a"], torch.arange(6, dtype=torch.float64).view(2, 3))
    assert parts["b"] == 6


@pytest.mark.parametrize("length", [0, 6, 8])
def test_unflatten_refuses_a_vector_of_another_length(length):
    like = {"a": torch.zeros(2, 3), "b": torch.zeros(())}
    with pytest.raises(InputError, match=rf"direction of 7 numbers.*got {length}; use"):
        unflatten(torch.zeros(length), like)


def test_filter_normalization_gives_each_filter_the_norm_of_the_one_it_moves():
    weights, direction = random_weights(0), random_weights(1)
    normalized = normalize(direction, weights)
    for name in MATRICES:
        for before, filter_, moved in zip(
            direction[name].numpy(), weights[name].numpy(), normalized[name].numpy(), strict=True
        ):
            assert np.linalg.norm(moved) == pytest.approx(np.linalg.norm(filter_), rel=1e-5)
            scale = np.linalg.norm(filter_) / np.linalg.norm(before)
            assert_close(moved, scale * before, rtol=1e-5, atol=1e-6)


def test_layer_normalization_gives_each_tensor_the_norm_of_the_one_it_moves():
    weights, direction = random_weights(0), random_weights(1)
    normalized = normalize(direction, weights, how="layer")
    for name in MATRICES:
        length = np.linalg.norm(weights[name].numpy())
        scale = length / np.linalg.norm(direction[name].numpy())
        assert np.linalg.norm(normalized[name].numpy()) == pytest.approx(length, rel=1e-5)
        assert_close(normalized[name], direction[name] * float(scale))


def test_weight_normalization_multiplies_and_none_leaves_alone():
    weights, direction = random_weights(0), random_weights(1)
    multiplied = normalize(direction, weights, how="weight", ignore="none")
    plain = normalize(direction, weights, how="none", ignore="none")
    for name, weight in weights.items():
        assert_close(multiplied[name], direction[name] * weight)
        assert torch.equal(plain[name], direction[name])


@pytest.mark.parametrize("how", NORMALIZATIONS)
def test_biases_batchnorm_and_scalars_rest_unless_asked_to_move(how):
    weights, direction = random_weights(0), random_weights(1)
    resting = normalize(direction, weights, how=how)
    moving = normalize(direction, weights, how=how, ignore="none")
    for name, weight in weights.items():
        assert resting[name].shape == moving[name].shape == weight.shape
        assert resting[name].dtype == weight.dtype
        assert bool(resting[name].any()) == (name in MATRICES)
        assert moving[name].any()


def test_a_number_of_a_bias_is_a_filter_of_its_own():
    weights, direction = random_weights(0), random_weights(1)
    moved = normalize(direction, weights, ignore="none")
    for name in ("conv.bias", "norm.weight", "scale"):
        assert_close(moved[name].abs(), weights[name].abs())
        assert torch.equal(moved[name].sign(), direction[name].sign())


@pytest.mark.parametrize("how", ["filter", "layer"])
def test_nothing_moves_what_is_zero_and_zero_moves_nothing(how):
    weights, direction = random_weights(0), random_weights(1)
    for name in MATRICES:
        weights[name][1] = 0
    direction["linear.weight"][2] = 0
    moved = normalize(direction, weights, how=how, ignore="none")
    assert all(tensor.isfinite().all() for tensor in moved.values())
    assert not moved["linear.weight"][2].any()
    if how == "filter":
        assert not any(moved[name][1].any() for name in MATRICES)


def test_the_direction_handed_in_stays_as_it_was():
    weights, direction = random_weights(0), random_weights(1)
    for how in NORMALIZATIONS:
        normalize(direction, weights, how=how)
    assert_close(direction, random_weights(1), rtol=0, atol=0)
    assert_close(weights, random_weights(0), rtol=0, atol=0)


def test_filter_norms_stand_beside_what_they_scale():
    for shape in [(), (4,), (4, 3), (4, 3, 2), (4, 3, 2, 2)]:
        tensor = torch.randn(shape, generator=generator(0))
        assert (tensor * filter_norms(tensor)).shape == tensor.shape


def test_nonfinite_weights_are_refused_with_their_place():
    weights = random_weights(0)
    refuse_nonfinite(weights, "the model")
    weights["linear.weight"][0, :2] = math.inf
    weights["norm.bias"][3] = math.nan
    with pytest.raises(InputError) as caught:
        refuse_nonfinite(weights, "best.pt")
    message = str(caught.value)
    assert message.startswith("best.pt holds weights that are NaN or infinite: 3 values")
    assert "the first in norm.bias" in message
    assert message.endswith("take an earlier checkpoint")


def test_counters_of_batchnorm_are_no_weights_to_refuse():
    refuse_nonfinite(Mixed().state_dict(), "the model")

"""Flows: against plain loops, autograd and scipy."""

import copy

import numpy as np
import pytest
import torch
from scipy.optimize import minimize as scipys
from torch import Tensor, nn
from torch.testing import assert_close

from landscape.attacks import BoundedStAdv, StAdv
from landscape.attacks.stadv import BLUNT, flow_roughness
from landscape.engine import Network
from landscape.errors import InputError
from landscape.rng import generator
from landscape.spatial import displace


@pytest.fixture
def network() -> nn.Module:
    """One that looks at where things are: a linear map of an image's 8 x 8 pixels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3, bias=False))
    model[1].weight.data *= 20
    return model


@pytest.fixture
def labels(network, images) -> Tensor:
    """All but the last are right."""
    found = network(images).argmax(dim=1)
    found[-1] = (found[-1] + 1) % 3
    return found


def roughness_by_hand(flow: Tensor) -> Tensor:
    """Equation 4 of Xiao et al.: over all pixels, and over the neighbours of each."""
    _, height, width = flow.shape
    total = torch.zeros(())
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    squared = (flow[:, y, x] - flow[:, y + dy, x + dx]).square().sum()
                    total = total + (squared + BLUNT**2).sqrt() - BLUNT
    return total


def test_roughness_and_its_gradient():
    flow = torch.randn(3, 2, 4, 5, generator=generator(0)).requires_grad_()
    expected = torch.stack([roughness_by_hand(one) for one in flow])
    (slope,) = torch.autograd.grad(expected.sum(), flow)
    value, gradient = flow_roughness(flow.detach())
    assert_close(value, expected.detach(), rtol=1e-5, atol=1e-5)
    assert_close(gradient, slope, rtol=1e-4, atol=1e-5)


def test_a_flow_that_is_the_same_everywhere_is_smooth_and_has_no_slope():
    value, gradient = flow_roughness(torch.full((2, 2, 5, 4), 0.7))
    assert value.abs().max() == 0
    assert gradient.abs().max() == 0


def hinge(model: nn.Module, image: Tensor, label: Tensor, flow: Tensor) -> Tensor:
    logits = model(displace(image, flow[None]))[0].double()
    others = torch.cat([logits[:label], logits[label + 1 :]])
    return (logits[label] - others.max()).clamp(min=0)


def test_the_paper_s_form_finds_flows_about_as_smooth_as_scipy_does(network, images, labels):
    attack = StAdv(tau=0.05, iterations=150)
    found = attack(Network(network), images, labels, generator=generator(0))
    model = copy.deepcopy(network).eval()
    clean = model(images).argmax(dim=1) != labels
    assert torch.equal(found.success, found.prediction != labels)
    assert found.success.sum() > clean.sum()
    near = []
    for i in range(len(images)):
        image, label = images[i : i + 1], labels[i]

        def cost(flat: np.ndarray, image=image, label=label) -> tuple[float, np.ndarray]:
            flow = torch.from_numpy(flat).float().view(2, 8, 8).requires_grad_()
            margin = hinge(model, image, label, flow)
            (slope,) = torch.autograd.grad(margin, flow)
            rough, bend = flow_roughness(flow.detach()[None])
            value = margin.item() + 0.05 * rough.item()
            return value, (slope + 0.05 * bend[0]).double().flatten().numpy()

        theirs = scipys(cost, np.zeros(128), jac=True, method="L-BFGS-B", options={"maxfun": 150})
        ours, _ = cost(found.flow[i].double().flatten().numpy())
        near.append(ours <= 1.5 * theirs.fun + 0.05)
        assert near[-1] or not found.success[i]
    # Kinks stop both, the first of them at no flow at all, where rounding decides who comes away.
    assert sum(near) >= len(images) - 2


def test_an_image_misclassified_already_is_left_as_it_is(network, images):
    wrong = (copy.deepcopy(network).eval()(images).argmax(dim=1) + 1) % 3
    found = StAdv(iterations=5)(Network(network), images, wrong, generator=generator(0))
    assert found.success.all()
    assert torch.equal(found.images, images)


def test_more_weight_on_smoothness_gives_smoother_flows(network, images, labels):
    runner = Network(network)
    rough, smooth = (
        StAdv(tau=tau, iterations=60)(runner, images, labels, generator=generator(0))
        for tau in (0.005, 0.5)
    )
    both = rough.success & smooth.success
    assert both.any()
    reached = [flow_roughness(found.flow[both])[0].sum() for found in (rough, smooth)]
    assert reached[1] <= reached[0] + 1e-5


@pytest.mark.parametrize("kappa", [2.0, 1e6])
def test_a_flow_that_succeeds_by_kappa_or_comes_nearest_outranks_smoother_ones(
    network, images, labels, kappa
):
    attack = StAdv(tau=0.01, kappa=kappa, iterations=60)
    found = attack(Network(network), images, labels, generator=generator(0))
    assert found.success.sum() > 1
    assert (found.margin[found.success] <= -2).all()


@pytest.mark.parametrize("rule", ["adam", "sign"])
def test_within_a_wider_bound_more_harm_is_done(network, images, labels, rule):
    runner, losses = Network(network), []
    for limit in (0.0, 0.1, 0.8):
        attack = BoundedStAdv(limit=limit, step=0.05, steps=30, tau=0.0, rule=rule)
        found = attack(runner, images, labels, generator=generator(0))
        assert found.flow.abs().max() <= limit
        losses.append(-found.margin.mean().item())
    assert losses[0] < losses[1] < losses[2]


@pytest.mark.parametrize(
    "attack", [StAdv(target="1", iterations=40), BoundedStAdv(2.0, 0.1, 40, target="1")]
)
def test_a_target_is_what_counts(network, images, labels, attack):
    found = attack(Network(network), images, labels, generator=generator(0))
    assert torch.equal(found.success, found.prediction == 1)
    assert found.success.any()
    assert (found.evaluations == 43).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StAdv(tau=-1.0), "tau is finite"),
        (lambda: StAdv(kappa=float("inf")), "kappa is finite"),
        (lambda: StAdv(iterations=0), "at least one step, got 0"),
        (lambda: StAdv(padding="wrap"), "unknown padding 'wrap'"),
        (lambda: BoundedStAdv(limit=-0.1), "limit and step are pixels"),
        (lambda: BoundedStAdv(rule="newton"), "unknown rule of a step 'newton'"),
        (lambda: BoundedStAdv(target="cat"), "got 'cat'; leave it out"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_the_bounded_form_is_a_plain_loop(network, images, labels):
    attack = BoundedStAdv(limit=0.4, step=0.15, steps=5, rule="sign", tau=0.01)
    found = attack(Network(network), images, labels, generator=generator(0))
    model = copy.deepcopy(network).eval()
    for i in range(len(images)):
        image, label = images[i : i + 1], int(labels[i])
        flow, visited = torch.zeros(1, 2, 8, 8), []
        for _ in range(6):
            flow = flow.detach().requires_grad_()
            logits = model(displace(image, flow))[0]
            others = torch.cat([logits[:label], logits[label + 1 :]]).max()
            loss = torch.logsumexp(logits, 0) - logits[label]
            visited.append((bool(others > logits[label]), loss.item(), flow.detach()))
            rough = roughness_by_hand(flow[0])
            (up,) = torch.autograd.grad(others - logits[label] - 0.01 * rough, flow)
            flow = (flow + 0.15 * up.sign()).clamp(-0.4, 0.4)
        wrong, loss, flow = max(visited, key=lambda visit: visit[:2])
        assert found.success[i].item() == wrong
        assert found.loss[i].item() == pytest.approx(loss, abs=1e-3)
        assert ((found.flow[i] - flow[0]).abs() > 1e-4).double().mean() < 0.05

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from landscape.engine import Compute, Network, Scores, WeightPoints, compute
from landscape.engine.allocator import keep_memory
from landscape.engine.scores import OBJECTIVES
from landscape.errors import InputError
from landscape.spatial import Warp


def test_scores_against_torch(generator):
    logits = torch.randn(9, 4, generator=generator)
    labels = torch.arange(9) % 4
    scores = Scores.of(logits, labels)
    plain = F.cross_entropy(logits.double(), labels, reduction="none")
    torch.testing.assert_close(scores.loss, plain)
    for i, (row, label) in enumerate(zip(logits.tolist(), labels.tolist(), strict=True)):
        best_other = max(v for k, v in enumerate(row) if k != label)
        assert scores.margin[i].item() == pytest.approx(row[label] - best_other)
    assert scores.prediction.tolist() == logits.argmax(1).tolist()
    assert ((scores.margin > 0) == (scores.prediction == labels)).all()


def test_huge_and_infinite_logits_are_data():
    logits = torch.tensor([[1e30, 0.0], [0.0, 1e30], [torch.inf, 0.0], [torch.nan, 0.0]])
    scores = Scores.of(logits, torch.zeros(4, dtype=torch.int64))
    assert scores.loss[0] == 0
    assert scores.loss[1] == pytest.approx(1e30)
    assert scores.loss[2:].isnan().all()
    assert scores.prediction.tolist() == [0, 1, 0, -1]  # a broken model is right about nothing


def test_an_attack_climbs_what_is_scored():
    logits = torch.tensor([[1e30, 0.0], [0.0, torch.inf], [2.0, 1.0]])
    labels = torch.zeros(3, dtype=torch.int64)
    scores = Scores.of(logits, labels)
    assert scores.loss[1] == torch.inf
    torch.testing.assert_close(OBJECTIVES["cross-entropy"](logits, labels), scores.loss)
    torch.testing.assert_close(OBJECTIVES["margin"](logits, labels), -scores.margin)


@pytest.mark.parametrize("micro_batch", [1, 3, 7, 100])
def test_logits_do_not_depend_on_the_micro_batch(network, images, micro_batch):
    plain = copy.deepcopy(network).eval()(images)
    found = Network(network, Compute(micro_batch=micro_batch)).logits(images)
    torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-6)


def test_poses_are_those_of_a_plain_loop(network, images, labels, generator):
    poses = (torch.rand(5, 3, generator=generator) - 0.5) * torch.tensor([60.0, 3.0, 3.0])
    fast = Network(network, Compute(micro_batch=16))
    rows = list(fast.score_poses(images, labels, poses, Warp()))
    assert len(rows) == 5
    twin = copy.deepcopy(network).eval()
    for pose, row in zip(poses, rows, strict=True):
        for i in range(len(images)):
            moved = Warp()(images[i : i + 1], pose[None])
            logits = twin(moved).detach()
            loss = F.cross_entropy(logits.double(), labels[i : i + 1])
            assert row.loss[i].item() == pytest.approx(loss.item(), rel=1e-4)
            assert row.prediction[i] == logits.argmax()


def test_the_callers_model_is_untouched(network, images, labels, untouched):
    with untouched(network):
        Network(network).score(images, labels)
        with pytest.raises(InputError):
            Network(network).score(images, labels + 5)


def test_a_float64_model_computes_in_float64(network, images):
    double = copy.deepcopy(network).double()
    assert Network(double).logits(images).dtype == torch.float64


def test_bf16_is_close_but_not_the_same(network, images):
    exact = Network(network).logits(images)
    rough = Network(network, Compute(precision="bf16")).logits(images).float()
    torch.testing.assert_close(rough, exact, rtol=0.05, atol=0.05)
    assert not torch.equal(rough, exact)


def test_bf16_folds_as_fp32_does(network, images):
    rough = Network(network, Compute(precision="bf16"))
    rough.logits(images)
    assert len(rough.folding.pairs) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "fp16"}, "unknown precision 'fp16'"),
        ({"device": "cuda:77"}, "the device 'cuda:77' cannot be used here"),
        ({"device": "tpu?"}, "cannot be used here"),
        ({"micro_batch": 0}, "at least one image"),
    ],
)
def test_bad_settings_are_named(network, options, message):
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        Network(network, Compute(**options))


def test_nan_weights_are_named(network):
    with torch.no_grad():
        network[0].weight[0, 0, 0, 0] = torch.nan
    with pytest.raises(InputError, match=r"NaN or infinite: 1 values, the first in 0\.weight"):
        Network(network)


def test_foreign_labels_are_named(network, images):
    with pytest.raises(InputError, match=r"labels from 0 to 2 .* got labels from 5 to 5"):
        Network(network).score(images, torch.full((7,), 5))


def test_a_model_without_logits_is_named(images):
    with pytest.raises(InputError, match=r"logits of shape \(7, classes\)"):
        Network(nn.Identity()).logits(images)


def test_a_model_that_cannot_be_copied_is_named():
    class Stubborn(nn.Module):
        def __deepcopy__(self, memo):
            raise RuntimeError("no copies")

    with pytest.raises(InputError, match="cannot be copied \\(no copies\\)"):
        Network(Stubborn())


def test_the_allocator_hint_is_given_once():
    assert keep_memory() is keep_memory()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_agrees_with_the_cpu(network, images, labels):
    here, there = Network(network), Network(network, Compute(device="cuda"))
    torch.testing.assert_close(
        there.score(images, labels).loss.cpu(),
        here.score(images, labels).loss,
        rtol=1e-3,
        atol=1e-3,
    )


class LeNet(nn.Module):
    """Flattens with `view`, which does not work on channels-last features."""

    def __init__(self):
        super().__init__()
        self.conv, self.linear = nn.Conv2d(1, 4, 3), nn.Linear(4 * 36, 3)

    def forward(self, x):
        return self.linear(self.conv(x).view(len(x), -1))


def test_a_model_that_needs_contiguous_features_works(images, labels):
    model = LeNet()
    network = Network(model, Compute(micro_batch=3))
    torch.testing.assert_close(network.logits(images), model(images).detach())
    direction = {n: torch.ones_like(p) for n, p in model.named_parameters()}
    points = WeightPoints(Network(model), images, labels, [direction])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1
    loss = F.cross_entropy(model(images).double(), labels).item()
    assert points.measure([0.1])["loss"].value == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize(
    ("flags", "native"),
    [("avx512f avx512_bf16", True), ("avx2 avx512f", False), ("asimd bf16", True)],
)
def test_a_cpu_without_bf16_is_named_once(network, flags, native, monkeypatch, tmp_path, caplog):
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags : fpu {flags}\n", encoding="utf-8")
    monkeypatch.setattr(compute, "CPU_FLAGS", tmp_path / "cpuinfo")
    compute._tell_emulated.cache_clear()
    for _ in range(2):
        Network(network, Compute(precision="bf16"))
    assert caplog.text.count("no bf16 instructions") == (not native)


def test_tf32_needs_a_gpu(network):
    with pytest.raises(InputError, match=r"tf32 is a format of NVIDIA GPUs, got the device 'cpu'"):
        Network(network, Compute(precision="tf32"))


def test_the_precision_of_the_process_is_put_back(network, images):
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    try:
        Network(network).logits(images)
        assert torch.backends.mkldnn.matmul.fp32_precision == "bf16"
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = "none"


def test_many_images_are_warped_part_by_part(network, images, labels):
    poses = torch.tensor([[10.0, 0.5, 0.0], [0.0, 0.0, 0.0], [-20.0, 0.0, 1.0]])
    whole = list(Network(network).score_poses(images, labels, poses, Warp()))
    sizes = []

    class Counting(Warp):
        def __call__(self, images, pose):
            sizes.append(len(images))
            return super().__call__(images, pose)

    parts = Network(network, Compute(micro_batch=3)).score_poses(images, labels, poses, Counting())
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one.loss, other.loss, rtol=1e-5, atol=1e-6)
    assert sizes == [3, 3, 1] * 3

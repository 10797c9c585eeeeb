"""What an evaluation notes beside: other networks, likeness, and the images themselves."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from landscape.attacks import FGSM, PGD, Vote
from landscape.data import ImageSet
from landscape.engine import Network
from landscape.errors import InputError
from landscape.evaluation import dissimilarity, evaluate, load_attacked, run, with_attacked
from landscape.rng import generator
from landscape.store import load_surface


@pytest.fixture
def pictures() -> ImageSet:
    """Seven images of 12 x 13 pixels and 8 bits."""
    return ImageSet(
        "pictures",
        "train",
        torch.randint(0, 256, (7, 1, 12, 13), generator=generator(0), dtype=torch.uint8),
        torch.tensor([0, 1, 2, 0, 1, 2, 0]),
        ("a", "b", "c"),
        torch.arange(7),
    )


@pytest.fixture
def other(network) -> nn.Module:
    twin = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(1.3).add_(0.05)
    return twin


def ssim_by_hand(one: Tensor, two: Tensor) -> float:
    """Wang et al. 2004, eq. 13, over all windows of 11 x 11 with Gaussian weights."""
    place = torch.arange(11).double() - 5
    line = torch.exp(-(place**2) / (2 * 1.5**2))
    weight = torch.outer(line, line) / line.sum() ** 2
    values = []
    for a, b in zip(one.double(), two.double(), strict=True):
        for y in range(a.shape[0] - 10):
            for x in range(a.shape[1] - 10):
                p, q = a[y : y + 11, x : x + 11], b[y : y + 11, x : x + 11]
                mean_p, mean_q = (weight * p).sum(), (weight * q).sum()
                var_p = (weight * p * p).sum() - mean_p**2
                var_q = (weight * q * q).sum() - mean_q**2
                both = (weight * p * q).sum() - mean_p * mean_q
                c1, c2 = 0.01**2, 0.03**2
                values.append(
                    (2 * mean_p * mean_q + c1)
                    * (2 * both + c2)
                    / ((mean_p**2 + mean_q**2 + c1) * (var_p + var_q + c2))
                )
    return torch.stack(values).mean().item()


def test_dissimilarity_is_that_of_the_paper_away_from_the_edges():
    images = torch.rand(3, 2, 40, 40, generator=generator(0))
    attacked = (images + 0.2 * torch.randn(images.shape, generator=generator(1))).clamp(0, 1)
    found = dissimilarity(attacked, images)
    for row, one, two in zip(found.tolist(), attacked, images, strict=True):
        # Their windows reach over the edges, into a mirror image.
        assert 1 - row == pytest.approx(ssim_by_hand(one, two), abs=0.02)
    assert_close(dissimilarity(images, images), torch.zeros(3), rtol=0, atol=1e-6)
    alone = torch.cat([dissimilarity(attacked[i : i + 1], images[i : i + 1]) for i in range(3)])
    assert_close(alone, found, rtol=0, atol=1e-6)


def test_images_smaller_than_the_window_are_refused(network, images, labels):
    with pytest.raises(InputError, match="windows of 11 pixels, got images of 8 x 8; leave it out"):
        evaluate(network, images, labels, {"fgsm": FGSM()}, seed=0, similarity=True)


@pytest.mark.parametrize("block", [500, 3])
def test_others_are_shown_the_same_images(network, other, pictures, monkeypatch, block):
    monkeypatch.setattr(run, "BLOCK", block)
    attack, images, labels = FGSM(eps=0.2), pictures.images(), pictures.labels
    own, shown, third = evaluate(
        network, images, labels, {"fgsm": attack}, seed=0, shown_to={"b": other, "self": network}
    )
    made = attack(Network(network), images, labels, generator=generator(0)).images
    for row, model, name in ((own, network, ""), (shown, other, "b"), (third, network, "self")):
        right = copy.deepcopy(model).eval()(made).argmax(dim=1) == labels
        assert row.tested_on == name
        assert row.accuracy == pytest.approx(right.double().mean().item())


def test_likeness_is_told_of_all_and_of_the_successes(network, pictures):
    images, labels = pictures.images(), pictures.labels
    attack = FGSM(eps=0.2)
    (row,) = evaluate(network, images, labels, {"fgsm": attack}, seed=0, similarity=True)
    found = attack(Network(network), images, labels, generator=generator(0))
    unlike = dissimilarity(found.images, images).double()
    assert row.dissimilarity.value == pytest.approx(unlike.mean().item(), abs=1e-6)
    assert row.dissimilarity.count == 7
    expected = unlike[found.success]
    assert 0 < len(expected) < 7
    assert row.dissimilarity_of_successes.value == pytest.approx(expected.mean().item(), abs=1e-6)
    error = expected.std().item() / len(expected) ** 0.5
    assert row.dissimilarity_of_successes.standard_error == pytest.approx(error, abs=1e-6)


def test_successes_are_those_of_the_vote_or_of_who_was_shown_the_images(network, other, pictures):
    images, labels = pictures.images(), pictures.labels
    attack, vote = FGSM(eps=0.4), Vote(5)
    with torch.no_grad():
        other[6].weight.neg_()
    own, voted, shown = evaluate(
        network,
        images,
        labels,
        {"fgsm": attack},
        seed=0,
        vote=vote,
        similarity=True,
        shown_to={"b": other},
    )
    found = attack(Network(network), images, labels, generator=generator(0))
    unlike = dissimilarity(found.images, images).double()
    draws = generator(0, "vote", "fgsm", 0)
    by_vote = vote(Network(network), found.images, labels, generator=draws)
    by_other = Network(other).score(found.images, labels)
    for row, seen in ((own, found), (voted, by_vote), (shown, by_other)):
        expected = unlike[seen.prediction != labels]
        assert row.dissimilarity_of_successes.count == len(expected)
        assert row.dissimilarity_of_successes.value == pytest.approx(expected.mean().item())
    assert len({row.dissimilarity_of_successes.value for row in (own, voted, shown)}) == 3


@pytest.mark.parametrize("block", [500, 3])
def test_kept_images_are_what_the_stored_scores_are_of(
    network, pictures, tmp_path, monkeypatch, block
):
    monkeypatch.setattr(run, "BLOCK", block)
    attack = PGD(eps=0.1, step=0.013, steps=4)
    (row,) = evaluate(
        network, pictures, None, {"pgd": attack}, seed=0, out=tmp_path, keep_images=True
    )
    stored = load_surface(tmp_path / "pgd.h5")
    assert stored.pixels.dims == ("image", "channel", "row", "column")
    kept = load_attacked(tmp_path / "pgd.h5", pictures)
    scores = Network(network).score(kept.images(), pictures.labels)
    assert_close(torch.from_numpy(stored.loss.values), scores.loss)
    assert row.accuracy == (scores.prediction == pictures.labels).double().mean().item()
    assert 0 < (kept.images() - pictures.images()).abs().max() <= 0.1 + 0.5 / 255 + 1e-6
    assert torch.equal(kept.labels, pictures.labels)


def test_eight_of_255_needs_no_rounding(network, pictures, tmp_path):
    images, labels = pictures.images(), pictures.labels
    kept = {"out": tmp_path, "keep_images": True}
    evaluate(network, pictures, None, {"fgsm": FGSM()}, seed=0, **kept)
    made = FGSM()(Network(network), images, labels, generator=generator(0)).images
    found = load_attacked(tmp_path / "fgsm.h5", pictures).images()
    assert_close(found, made, rtol=0, atol=1e-6)


def test_attacked_images_stand_behind_the_clean_ones(network, pictures, tmp_path):
    attacks = {"fgsm": FGSM(), "pgd": PGD(steps=2)}
    evaluate(network, pictures, None, attacks, seed=0, out=tmp_path, keep_images=True)
    joined = with_attacked(pictures, [tmp_path / "fgsm.h5", tmp_path / "pgd.h5"])
    assert len(joined) == 21
    assert joined.name == "pictures"
    assert torch.equal(joined.labels, pictures.labels.repeat(3))
    assert torch.equal(joined.pixels[:7], pictures.pixels)
    assert not torch.equal(joined.pixels[7:14], joined.pixels[14:])
    assert with_attacked(pictures, []) is pictures


def test_files_that_are_not_of_these_images_are_refused(network, pictures, tmp_path):
    evaluate(network, pictures, None, {"plain": FGSM()}, seed=0, out=tmp_path)
    evaluate(network, pictures, None, {"kept": FGSM()}, seed=0, out=tmp_path, keep_images=True)
    with pytest.raises(InputError, match="keeps no attacked images; landscape evaluate writes"):
        load_attacked(tmp_path / "plain.h5", pictures)
    part = pictures.take(torch.arange(4))
    with pytest.raises(InputError, match=r"of 7 other images than these 4 .*--split train"):
        with_attacked(part, [tmp_path / "kept.h5"])
    with pytest.raises(InputError, match=r"kept in a folder, got none; give one by --out \(out="):
        evaluate(network, pictures, None, {"kept": FGSM()}, seed=0, keep_images=True)
    with pytest.raises(InputError, match="pixels is"):
        evaluate(network, pictures, None, {"kept": FGSM()}, seed=0, out=tmp_path)


def test_an_unfinished_file_is_refused_and_then_finished(network, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "BLOCK", 2)
    calls = []

    class Stopping(FGSM):
        def __call__(self, *args, **kwargs):
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return super().__call__(*args, **kwargs)

    kept = {"out": tmp_path, "keep_images": True}
    with pytest.raises(KeyboardInterrupt):
        evaluate(network, pictures, None, {"fgsm": Stopping()}, seed=0, **kept)
    with pytest.raises(InputError, match="unfinished; finish it with the command that began it"):
        load_attacked(tmp_path / "fgsm.h5", pictures)
    evaluate(network, pictures, None, {"fgsm": Stopping()}, seed=0, **kept)
    assert len(calls) == 5
    whole = load_attacked(tmp_path / "fgsm.h5", pictures)
    made = FGSM()(Network(network), pictures.images(), pictures.labels, generator=generator(0))
    assert_close(whole.images(), made.images, rtol=0, atol=1e-6)


def test_a_vote_looks_at_the_images_that_are_kept(network, pictures, tmp_path):
    rows = evaluate(
        network,
        pictures,
        None,
        {"fgsm": FGSM()},
        seed=0,
        vote=Vote(3),
        out=tmp_path,
        keep_images=True,
        similarity=True,
    )
    assert [row.label for row in rows] == ["fgsm", "fgsm, vote of 3"]

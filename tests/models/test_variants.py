"""Options of the package's networks: rounding, pooling, filters against aliases; and the ViT."""

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from landscape.errors import InputError
from landscape.models import ModelSpec, build_model, load_checkpoint, save_checkpoint
from landscape.models.layers import BlurPool, Round
from landscape.rng import generator

IMAGES = torch.rand(3, 3, 32, 32, generator=generator(0))


def build(name, channels=3, **options):
    spec = ModelSpec(name, classes=5, channels=channels, options=options)
    return build_model(spec, generator=generator(0)).eval()


@pytest.mark.parametrize(("size", "taps"), [(2, [1, 1]), (3, [1, 2, 1]), (5, [1, 4, 6, 4, 1])])
@pytest.mark.parametrize("side", [8, 9])
def test_blur_pool_is_a_binomial_filter_before_subsampling(size, taps, side):
    x = torch.rand(2, 4, side, side, generator=generator(1))
    kernel = torch.outer(torch.tensor(taps).float(), torch.tensor(taps).float())
    kernel = (kernel / kernel.sum()).expand(4, 1, size, size)
    before, after = (size - 1) // 2, size // 2
    padded = F.pad(x, (before, after, before, after), mode="reflect")
    whole = F.conv2d(padded, kernel, groups=4)
    found = BlurPool(4, size)(x)
    assert_close(found, whole[:, :, ::2, ::2])
    assert found.shape[-1] == -(-side // 2)
    assert_close(BlurPool(4, size)(torch.ones(1, 4, side, side)), torch.ones_like(found[:1]))


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("side", [8, 9])
def test_odd_filters_are_those_of_timm(size, side):
    """Its even ones are padded alike on both sides, which gives 5 pixels for 8."""
    x = torch.rand(2, 4, side, side, generator=generator(1))
    assert_close(BlurPool(4, size)(x), timm.layers.BlurPool2d(4, size)(x))
    assert timm.layers.BlurPool2d(4, 2)(torch.zeros(1, 4, 8, 8)).shape[-1] == 5
    assert BlurPool(4, 2)(torch.zeros(1, 4, 8, 8)).shape[-1] == 4


@pytest.mark.parametrize("size", [2, 3, 5])
def test_filters_in_bf16_give_the_gradient_of_float32(size):
    x = torch.rand(2, 4, 9, 8, generator=generator(1))
    gradients = {}
    for dtype in (torch.float32, torch.bfloat16):
        moving = x.to(dtype).requires_grad_()
        filtered = BlurPool(4, size)(moving)
        assert filtered.dtype == dtype
        with torch.no_grad():
            assert_close(filtered, BlurPool(4, size)(moving), rtol=1e-2, atol=1e-2)
        (gradients[dtype],) = torch.autograd.grad((filtered.float() ** 2).sum(), moving)
    assert_close(gradients[torch.bfloat16].float(), gradients[torch.float32], rtol=2e-2, atol=2e-2)


def test_rounding_has_its_levels_and_the_gradient_of_the_identity():
    x = torch.linspace(0, 1, 1001).view(1, 1, 1, -1)
    for levels in (2, 5, 256):
        rounded = Round(levels)(x)
        assert len(rounded.unique()) == levels
        assert (rounded - x).abs().max() <= 0.5 / (levels - 1) + 1e-6
    moving = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((Round()(moving) ** 2).sum(), moving)
    assert_close(gradient, 2 * Round()(x))
    assert_close(Round()(moving).detach(), Round()(x), rtol=0, atol=1e-7)
    truly = Round(straight_through=False)(moving)
    assert torch.equal(truly, Round()(x))
    assert not torch.autograd.grad(truly.sum(), moving)[0].any()


def test_rounding_changes_nothing_of_images_of_8_bits():
    """Which is why the blog's experiment needs images that are resized after they are read."""
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16) / 255
    assert torch.equal(Round(256)(every), every)
    assert not torch.equal(Round(128)(every), every)


@pytest.mark.parametrize("name", ["cnn", "resnet20", "resnet18-cifar", "vit-tiny"])
def test_any_network_rounds_pixels_where_it_is_asked_to(name):
    plain, rounding = build(name), build(name, levels=3)
    coarse = (IMAGES * 2).round() / 2
    assert_close(rounding(IMAGES), plain(coarse), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(rounding(IMAGES), plain(IMAGES), atol=1e-3)


@pytest.mark.parametrize("name", ["resnet20", "resnet18", "resnet50", "resnet18-cifar"])
@pytest.mark.parametrize("blur", [2, 3, 5])
def test_filters_stand_before_every_subsampling_and_have_no_weights(name, blur):
    plain, smooth = build(name), build(name, blur=blur)
    assert smooth(IMAGES).shape == (3, 5)
    count = sum(p.numel() for p in plain.parameters())
    assert sum(p.numel() for p in smooth.parameters()) == count
    strided = [m for m in smooth.modules() if isinstance(m, nn.Conv2d) and m.stride[0] > 1]
    assert len(strided) == (name in ("resnet18", "resnet50"))  # the stem's
    stages = 2 if name == "resnet20" else 3
    stem = name in ("resnet18", "resnet50")
    filters = [m for m in smooth.modules() if isinstance(m, BlurPool)]
    assert len(filters) == 2 * stages + stem
    assert {f.size for f in filters} == {blur}


def test_filtered_features_change_less_when_an_image_is_shifted_by_a_pixel():
    torch.manual_seed(0)
    changes = {}
    for blur in (0, 5):
        model = build("resnet20", blur=blur)
        with torch.no_grad():
            moved = model(IMAGES.roll(1, dims=3)) - model(IMAGES)
            scale = model(IMAGES).std()
        changes[blur] = (moved.abs().mean() / scale).item()
    assert changes[5] < changes[0]


def test_the_stem_pools_by_means_where_it_is_asked_to():
    by_mean = build("resnet18", pool="avg")
    assert not any(isinstance(m, nn.MaxPool2d) for m in by_mean.modules())
    assert isinstance(by_mean.maxpool, nn.AvgPool2d)
    assert not torch.allclose(by_mean(IMAGES), build("resnet18")(IMAGES))


@pytest.mark.parametrize(
    ("name", "tokens", "count"),
    [
        ("vit-tiny", 65, 5_360_000),
        ("vit-tiny-224", 197, 5_500_000),
    ],
)
def test_the_vision_transformer_has_its_tokens_and_its_size(name, tokens, count):
    model = build(name)
    assert model.encoder.pos_embedding.shape == (1, tokens, 192)
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(count, rel=0.02)
    assert model(IMAGES[:1]).shape == (1, 5)
    assert model(torch.rand(1, 3, 20, 28)).shape == (1, 5)


@pytest.mark.parametrize(("side", "patch", "tokens"), [(64, 16, 17), (32, 4, 65), (224, 16, 197)])
def test_patches_may_be_of_any_size_that_tiles_the_image(side, patch, tokens):
    model = build("vit-tiny", side=side, patch=patch)
    assert model.encoder.pos_embedding.shape == (1, tokens, 192)
    assert model(IMAGES[:1]).shape == (1, 5)


def test_the_vision_transformer_is_as_large_as_that_of_timm():
    ours = build_model(ModelSpec("vit-tiny-224", classes=1000, channels=3), generator=generator(0))
    theirs = timm.create_model("vit_tiny_patch16_224")
    count = [sum(p.numel() for p in model.parameters()) for model in (ours, theirs)]
    assert count[0] == count[1]


def test_resized_images_are_rounded_before_they_are_normalized():
    small = torch.rand(2, 3, 10, 10, generator=generator(2))
    model = build("vit-tiny", levels=4)
    larger = F.interpolate(small, (32, 32), mode="bilinear", align_corners=False, antialias=True)
    assert_close(model(small), build("vit-tiny")((larger * 3).round() / 3), rtol=1e-4, atol=1e-4)


def test_options_are_kept_in_checkpoints(tmp_path):
    spec = ModelSpec("resnet20", classes=5, channels=3, options={"blur": 3, "levels": 256})
    model = build_model(spec, generator=generator(0)).eval()
    save_checkpoint(tmp_path / "m.pt", model, spec, configuration={}, provenance={})
    found = load_checkpoint(tmp_path / "m.pt")
    assert found.spec == spec
    assert_close(found.model(IMAGES), model(IMAGES))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "resnet20",
            {"pool": "avg"},
            r"no option 'pool' \(known: levels, straight_through, blur\)",
        ),
        ("resnet18-cifar", {"small_images": False}, r"known: levels, straight_through, blur\)"),
        ("resnet50-cifar", {"pool": "avg"}, "resnet50-cifar has no option 'pool'"),
        ("resnet18", {"pool": "median"}, "unknown way to pool 'median'"),
        ("resnet20", {"blur": 1}, "at least 2 taps, got 1"),
        ("resnet20", {"blur": -1}, "at least 2 taps, got -1"),
        ("resnet18", {"blur": -1}, "at least 2 taps, got -1"),
        ("cnn", {"levels": 1}, "at least 2 levels, got 1"),
        ("vit-tiny", {"side": 30, "patch": 4}, "patches must tile the image, got 4 pixels of 30"),
        ("vit-tiny-224", {"side": 32}, "no option 'side'"),
    ],
)
def test_what_a_network_has_not_is_refused(name, options, message):
    with pytest.raises(InputError, match=message):
        build(name, **options)


def test_attention_is_the_same_with_and_without_a_gradient():
    model = build("vit-tiny")
    with torch.no_grad():
        fused = model(IMAGES)
    assert_close(model(IMAGES), fused, rtol=1e-4, atol=1e-4)

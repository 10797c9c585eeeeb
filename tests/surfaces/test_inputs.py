import hashlib

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from landscape.data import content_sha256
from landscape.errors import InputError
from landscape.surfaces.inputs import gather, grid_axis


def test_every_accepted_form_gives_the_same_tensors(images, labels):
    loader = DataLoader(TensorDataset(images, labels), batch_size=3)  # ragged: 3, 3, 1
    forms = [
        (images, labels),
        (images.numpy(), labels.numpy().astype(np.int32)),
        (list(images.split(3)), list(labels.split(3))),
        (loader, None),
    ]
    for x, y in forms:
        found = gather(x, y)
        assert torch.equal(found[0], images)
        assert torch.equal(found[1], labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x[0], y), r"images of shape \(N, channels, height, width\)"),
        (lambda x, y: (x[:0], y[:0]), "with N >= 1"),
        (lambda x, y: ((x * 255).byte(), y), "divide 8-bit images by 255"),
        (lambda x, y: (x, y[:3]), "expected 7 integer labels"),
        (lambda x, y: (x, y.float()), "got torch.float32"),
        (lambda x, y: (x, y[:, None]), r"shape \(7, 1\)"),
        (lambda x, y: (x.clone().fill_(torch.nan), y), "nan or inf"),
        (lambda x, y: (x, None), "labels beside the images"),
        (lambda x, y: ([], []), "got none"),
        (lambda x, y: (None, y), "an iterable of batches, got NoneType"),
        (lambda x, y: (x, list("abcdefg")), "arrays of numbers, got str"),
        (lambda x, y: (x.numpy().astype(object), y), "arrays of numbers, got ndarray"),
        (lambda x, y: ([1, 2, 3], None), "batches of two, inputs and targets, got int"),
        (lambda x, y: ([(x, y, y)], None), "batches of two, inputs and targets, got tuple"),
    ],
)
def test_what_no_classifier_can_use_is_named(images, labels, change, message):
    with pytest.raises(InputError, match=message):
        gather(*change(images, labels))


def test_the_digest_sees_every_pixel_and_label(images, labels):
    digest = content_sha256(images, labels)
    assert digest == content_sha256(images.clone(), labels.clone())
    images[6, 0, 7, 7] += 1e-6
    assert digest != content_sha256(images, labels)
    images[6, 0, 7, 7] -= 1e-6
    labels[6] = 1
    assert digest != content_sha256(images, labels)


@pytest.mark.parametrize("change", [torch.Tensor.bfloat16, torch.Tensor.requires_grad_])
def test_the_digest_is_that_of_the_bytes_of_any_tensor(images, labels, change):
    kept = b"".join(
        f"{tuple(t.shape)} {t.dtype}".encode() + t.numpy().tobytes() for t in (images, labels)
    )
    assert content_sha256(images, labels) == hashlib.sha256(kept).hexdigest()
    changed = change(images)
    again = content_sha256(changed, labels)
    assert (again == hashlib.sha256(kept).hexdigest()) == (changed.dtype == torch.float32)


def test_zero_but_for_rounding_is_zero():
    axis = grid_axis("alpha", [-0.3, 0.1 + 0.2 - 0.3, 0.3], "1", "")
    assert axis.values.tolist() == [-0.3, 0.0, 0.3]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "one or more values, got none"),
        ([0.0, np.nan], "not finite"),
        ([0.0, 1.0, 0.0], "the same value twice"),
        ([[0.0, 1.0]], "shape"),
        ([1e101, 2e101], r"at most 1e\+100 .* got 1e\+101 to 2e\+101"),
        ([0.0, 1e-300], "over a range of at least 1e-100"),
        ("abc", "list of numbers, got 'abc'"),
    ],
)
def test_bad_axes_are_named(values, message):
    with pytest.raises(InputError, match=message):
        grid_axis("alpha", values, "1", "")

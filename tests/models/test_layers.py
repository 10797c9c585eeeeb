import pytest
import torch
from torch.testing import assert_close
from torchvision import transforms

from landscape.errors import InputError
from landscape.models import Normalize, default_statistics

MEAN, STD = (0.1, 0.5, 0.7), (0.2, 1.0, 3.0)


def test_normalizes_as_torchvision_does():
    x = torch.rand(5, 3, 4, 6)
    assert_close(Normalize(MEAN, STD)(x), transforms.Normalize(MEAN, STD)(x), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_follows_the_dtype_of_the_model(dtype):
    layer = Normalize(MEAN, STD).to(dtype)
    assert layer(torch.rand(2, 3, 4, 4, dtype=dtype)).dtype == dtype


def test_no_state_dict_knows_of_it():
    assert Normalize(MEAN, STD).state_dict() == {}


def test_shows_its_numbers():
    assert repr(Normalize((0.5,), (0.25,))) == "Normalize(mean=[0.5], std=[0.25])"


def test_images_of_another_number_of_channels():
    with pytest.raises(InputError, match="images of 3 channels, got 1"):
        Normalize(MEAN, STD)(torch.rand(2, 1, 4, 4))


@pytest.mark.parametrize("std", [(1.0,), (1.0, 0.0), (1.0, -1.0)])
def test_impossible_statistics(std):
    with pytest.raises(InputError, match="one positive std per channel"):
        Normalize((0.0, 0.0), std)


def test_statistics_for_another_number_of_channels():
    with pytest.raises(InputError, match="images of 1 channels need as many means"):
        Normalize.of(1, MEAN, STD)


def test_default_statistics():
    assert default_statistics(1) == ((0.1307,), (0.3081,))
    assert default_statistics(3) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    with pytest.raises(InputError, match="not 4; give mean and std"):
        default_statistics(4)

"""Bounded memory: what a pass takes, what it may take, and what happens when it runs out."""

import os
import subprocess
import sys
import textwrap

import pytest
import torch
from torch import nn

from landscape.engine import Compute, Network
from landscape.engine.memory import bytes_per_image, free_memory, parse_bytes, ran_out
from landscape.engine.prepare import MARGIN
from landscape.errors import InputError


@pytest.mark.parametrize(
    ("text", "size"),
    [("512", 512), ("1K", 1024), ("500MB", 500 * 2**20), ("1.5 GiB", 3 * 2**29), ("2g", 2**31)],
)
def test_amounts_of_memory(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1G", "1X", "0", "1.5.2G", "1" + "0" * 400])
def test_bad_amounts_are_named(text):
    with pytest.raises(InputError, match="such as 500M or 4GiB"):
        parse_bytes(text)


def test_what_is_alive_at_once_is_counted():
    """Input and output of the wider layer are alive together; 4 + 16 channels of 8 x 8 floats."""
    model = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 16, 1), nn.Conv2d(16, 1, 1)).eval()
    assert bytes_per_image(model, torch.rand(1, 1, 8, 8)) == (4 + 16) * 64 * 4


def test_something_is_free_and_no_more_than_there_is():
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < free_memory(torch.device("cpu")) <= total


def test_a_small_bound_makes_small_passes_with_the_same_values(network, images):
    plain = Network(network).logits(images)
    need = bytes_per_image(network.eval(), images)
    bounded = Network(network, Compute(memory=int(3 * MARGIN * need)))
    torch.testing.assert_close(bounded.logits(images), plain)
    assert bounded.passes.size == 3
    starved = Network(network, Compute(memory=1))  # one image at a time is the least
    torch.testing.assert_close(starved.logits(images), plain)
    assert starved.passes.size == 1


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."), True),
        (RuntimeError("view size is not compatible"), False),
    ],
)
def test_errors_of_memory_are_told_from_others(error, verdict):
    assert ran_out(error) is verdict


STARVED = """
    import resource, sys, torch
    from torch import nn
    from landscape.engine import Compute, Network

    torch.set_num_threads(1)
    model = nn.Sequential(nn.Conv2d(1, 64, 3, padding=1), nn.AvgPool2d(64), nn.Flatten())
    network = Network(model, Compute(micro_batch=512, memory=2**40))
    images = torch.rand({images}, 1, {side}, {side})
    network.prepare(images[..., :64, :64])
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + {room}, used + {room}))
    logits = network.logits(images)
    assert torch.allclose(logits[:1], network.logits(images[:1]), atol=1e-6)
    print(network.passes.size, len(logits))
"""


def starved(**sizes):
    program = textwrap.dedent(STARVED).format(**sizes)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the address space")
@pytest.mark.processes
def test_passes_halve_when_the_memory_runs_out():
    """512 images of 64 x 64 with 64 channels take 512 MiB; there is room for a part of them."""
    done = starved(images=600, side=64, room=300 * 2**20)
    assert done.returncode == 0, done.stderr
    micro_batch, count = map(int, done.stdout.split())
    assert count == 600
    assert 1 < micro_batch < 512


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the address space")
@pytest.mark.processes
def test_not_even_one_image_fits():
    done = starved(images=2, side=1024, room=100 * 2**20)
    assert "InputError: a single image needs more memory than there is on cpu" in done.stderr

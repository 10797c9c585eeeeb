"""How commands end whatever is raised in them."""

import errno
import os
import subprocess
import sys

import pytest
import torch

from landscape.cli.status import exit_status


@pytest.mark.parametrize("error", [MemoryError, RuntimeError])
def test_want_of_memory_is_one_sentence(error, capsys):
    def allocate():
        if error is MemoryError:
            raise MemoryError
        torch.empty(2**60, dtype=torch.uint8)

    assert exit_status(allocate) == 2
    told = capsys.readouterr().err
    assert told.startswith("landscape: there is not enough memory for this (")
    assert told.count("\n") == 1


def test_who_reads_half_of_it_is_told_nothing():
    """As in `landscape info FILE | head -1`."""
    read, write = os.pipe()
    os.close(read)
    words = [sys.executable, "-m", "landscape", "train", "--help"]
    ended = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_another_pipe_that_breaks_is_told(capfd):
    def send():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    assert exit_status(send) == 2
    assert capfd.readouterr().err == "landscape: Broken pipe\n"


def test_other_errors_of_torch_are_raised():
    with pytest.raises(RuntimeError, match="size"):
        exit_status(lambda: torch.ones(2) + torch.ones(3))

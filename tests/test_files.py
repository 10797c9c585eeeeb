"""A file is whole or not there at all, whatever ends the write."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from landscape.errors import InputError
from landscape.files import atomic_write, lock_file


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "result.bin"
    path.write_bytes(b"old")
    return path


def fill(path: Path, content: bytes) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def test_a_new_file_appears_with_its_folders(tmp_path):
    path = tmp_path / "runs" / "today" / "result.bin"
    fill(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["result.bin"]


def test_an_old_file_is_there_until_the_new_one_is_whole(target):
    with atomic_write(target) as temporary:
        temporary.write_bytes(b"new")
        assert target.read_bytes() == b"old"
        assert temporary.parent == target.parent  # a rename within one file system
        assert temporary.suffix == target.suffix
    assert target.read_bytes() == b"new"
    assert list(target.parent.iterdir()) == [target]


def test_whoever_reads_the_old_file_reads_it_to_the_end(target):
    with target.open("rb") as reader:
        fill(target, b"new")
        assert reader.read() == b"old"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, OSError])
def test_whatever_fails_the_old_file_stays_and_nothing_else(target, error):
    def fail() -> None:
        with atomic_write(target) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_a_failed_first_write_leaves_no_file(tmp_path):
    def fail() -> None:
        with atomic_write(tmp_path / "result.bin"):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_the_writer_may_replace_the_temporary_file(target):
    """As h5py and torch.save do, which open the path anew."""
    with atomic_write(target) as temporary:
        temporary.unlink()
        temporary.write_bytes(b"new")
    assert target.read_bytes() == b"new"


def test_two_writers_do_not_meet(target):
    with atomic_write(target) as first, atomic_write(target) as second:
        assert first != second
        first.write_bytes(b"first")
        second.write_bytes(b"second")
    assert target.read_bytes() == b"first"  # the outer block ends last
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_any_new_file(tmp_path, mask):
    before = os.umask(mask)
    try:
        fill(tmp_path / "ours", b"")
        (tmp_path / "plain").touch()
        assert os.umask(mask) == mask  # looking at the mask did not change it
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours", "plain")]
    assert modes[0] == modes[1] == 0o666 & ~mask


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder, but a file is to be written; give a file"):
        fill(tmp_path, b"new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["x", "deeper/x"])
def test_a_path_below_a_file_is_refused(target, below):
    with pytest.raises(InputError, match=r"cannot write to .*result\.bin"):
        fill(target / below, b"new")
    assert target.read_bytes() == b"old"


WRITER = """
import sys
from pathlib import Path
from landscape.files import atomic_write

with atomic_write(Path(sys.argv[1])) as temporary, temporary.open("wb") as file:
    file.write(b"half")
    file.flush()
    print(temporary, flush=True)
    sys.stdin.read()  # until the test kills
"""


def test_a_killed_writer_leaves_the_old_file(target):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", WRITER, str(target)], **pipes) as writer:
        temporary = Path(writer.stdout.readline().strip())
        assert temporary.read_bytes() == b"half"
        writer.kill()
    assert writer.returncode == -signal.SIGKILL
    assert target.read_bytes() == b"old"
    fill(target, b"new")  # what the killed one left behind is in nobody's way
    assert target.read_bytes() == b"new"


KILLED = """
import os, signal, sys
from pathlib import Path
from landscape.files import atomic_write
with atomic_write(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half")
    print(temporary.name, flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="locks that end with a process are of Linux")
def test_what_a_killed_process_has_begun_is_removed_by_the_next_and_no_earlier(target):
    target = target.rename(target.with_name("[a]*b.bin"))
    command = [sys.executable, "-c", KILLED, str(target)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        begun = target.with_name(process.stdout.readline().strip())
        others = target.with_name("." + begun.name), target.with_name("x" + begun.name[1:])
        for file in others:
            file.write_bytes(b"of somebody else")
        fill(target, b"new")
        assert begun.read_bytes() == b"half"
        process.stdin.write("\n")
    assert process.returncode == -signal.SIGKILL
    assert begun.exists()
    fill(target, b"newer")
    assert target.read_bytes() == b"newer"
    assert set(target.parent.iterdir()) == {target, *others}


@pytest.mark.skipif(sys.platform != "linux", reason="locks that end with a process are of Linux")
def test_a_temporary_name_that_a_kill_has_left_beside_the_file_goes_even_if_that_is_in_use(target):
    begun = target.with_name(".result-abcdefgh.begun.bin")
    os.link(target, begun)
    with target.open("r+b") as writer:
        assert lock_file(writer.fileno())
        fill(target, b"new")
    assert list(target.parent.iterdir()) == [target]

"""How the explorer is started and ended."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from landscape.cli import main
from landscape.errors import InputError
from landscape.explorer.guard import is_loopback
from landscape.explorer.serve import bound


def test_a_port_that_is_taken_is_passed_over():
    with bound("127.0.0.1", 0) as first:
        taken = first.getsockname()[1]
        with bound("127.0.0.1", taken) as second:
            assert taken < second.getsockname()[1] <= taken + 100
            assert second.getsockname()[0] == "127.0.0.1"


def test_where_nobody_can_listen_is_told():
    with pytest.raises(InputError, match=r"cannot listen on 203\.0\.113\.7"):
        bound("203.0.113.7", 8050)
    with pytest.raises(InputError, match=r"cannot listen on nowhere\.invalid"):
        bound("nowhere.invalid", 8050)
    with pytest.raises(InputError, match="port from 0 to 65535, got 70000"):
        bound("127.0.0.1", 70000)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 65535))
        taken.listen()
        with pytest.raises(InputError, match="no port from 65535 to 65535 is free"):
            bound("127.0.0.1", 65535)


def test_which_addresses_are_of_this_machine_alone():
    assert all(map(is_loopback, ("127.0.0.1", "localhost", "::1", "127.8.9.1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.1", "example.org", "")))


def test_with_no_readable_file_there_is_a_sentence(tmp_path, capsys):
    (tmp_path / "text.h5").write_text("hello")
    files = [str(tmp_path / "text.h5"), str(tmp_path / "gone.h5")]
    assert main(["explore", *files, "--no-browser"]) == 2
    error = capsys.readouterr().err
    assert "not a readable HDF5 file" in error
    assert "no such file" in error
    assert "Traceback" not in error
    assert main(["explore"]) == 2


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
@pytest.mark.processes
def test_it_serves_until_it_is_stopped_and_ends_quietly(folder, tmp_path, number, status):
    (tmp_path / "text.h5").write_text("hello")
    command = [sys.executable, "-m", "landscape", "explore", str(folder / "s.h5")]
    command += [str(tmp_path / "text.h5"), "--no-browser", "--port", "0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert b"landscape explorer" in answer.read()
        process.send_signal(number)
        out, error = process.communicate(timeout=20)
    assert process.returncode == status
    assert out == ""
    lines = error.splitlines()
    assert "not a readable HDF5 file" in lines[0]
    assert lines[1:] == ([] if status == 0 else ["landscape: ended by SIGTERM"])

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from landscape.errors import InputError
from landscape.progress import LOG_INTERVAL, LogProgress, Progress, progress

ROOT = Path(__file__).parents[1]
SCRIPT = """
from landscape.progress import progress
with progress(60, "surface", unit="points", enabled=True) as bar:
    for _ in range(60):
        bar.advance(1)
    bar.note("done [here]")
print("result")
"""


class Clock:
    """Seconds, as the test turns them."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_log_gets_a_line_at_most_every_interval(clock, capsys):
    log = LogProgress(100, "surface", unit="points", clock=clock)
    for _ in range(25):
        clock.now += 1
        log.advance(2)
    assert len(capsys.readouterr().err.splitlines()) == 25 // LOG_INTERVAL
    log.note("loss 0.5")
    log.write_line()
    assert capsys.readouterr().err.splitlines()[-1] == (
        "surface: 50/100 points (50%), 2 points/s, elapsed 0:00:25, left 0:00:25, loss 0.5"
    )


def test_what_an_earlier_run_did_counts_as_done_but_not_into_the_rate(clock, capsys):
    log = LogProgress(100, "surface", unit="points", done=80, clock=clock)
    clock.now += 10
    log.advance(10)
    assert capsys.readouterr().err == (
        "surface: 90/100 points (90%), 1 points/s, elapsed 0:00:10, left 0:00:10\n"
    )


def test_the_last_state_is_written_also_after_an_error(capsys):
    def fail_after_two():
        with progress(3, "surface", unit="points", enabled=True) as log:
            log.advance(2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_two()
    captured = capsys.readouterr()
    assert captured.err.startswith("surface: 2/3 points (67%)")
    assert captured.out == ""


def test_nothing_at_all_when_disabled(capsys):
    with progress(3, "surface", unit="points", enabled=False) as silent:
        silent.advance(3)
        silent.note("done")
    assert isinstance(silent, Progress)
    assert capsys.readouterr() == ("", "")


def test_nothing_to_do_is_fine(capsys):
    with progress(0, "surface", unit="points", enabled=True):
        pass
    assert "0/0 points (100%)" in capsys.readouterr().err


@pytest.mark.parametrize("done", [-1, 4])
def test_done_must_lie_within_the_total(done):
    with (
        pytest.raises(InputError, match=f"done={done}"),
        progress(3, "surface", unit="points", enabled=True, done=done),
    ):
        pass


def test_a_terminal_shows_a_bar_and_leaves_standard_output_alone():
    main, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        stdout=subprocess.PIPE,
        stderr=terminal,
        env=environment,
        check=True,
        text=True,
    )
    os.close(terminal)
    shown = os.read(main, 100_000).decode()
    os.close(main)
    assert done.stdout == "result\n"
    assert "60/60" in shown
    assert "points/s" in shown
    assert "done [here]" in shown

"""Commands of `landscape` in processes of their own, which can be killed, stopped and starved."""

import ctypes
import itertools
import multiprocessing
import os
import resource
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

PHASES = ("starting", "creating", "computing", "writing", "checking", "packing", "ending")
ALONE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
PATIENCE = 300  # seconds until a job counts as hanging


@dataclass(frozen=True)
class Conditions:
    """What a forked job may not do, and where it is.

    Attributes:
        file_bytes: the size of a file.
        memory_bytes: further address space, beyond what its process has when it is forked.
        dies_at_write: which write to a file that is being filled it does not survive.
        folder: the working directory.
        environment: further variables.
        humble: whether root is bound by permissions like anybody else.
    """

    file_bytes: int | None = None
    memory_bytes: int | None = None
    dies_at_write: int | None = None
    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    humble: bool = False

    def apply(self) -> None:
        """To this process, for good."""
        os.environ.update(self.environment)
        if self.folder is not None:
            os.chdir(self.folder)
        if self.file_bytes is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_bytes,) * 2)
        if self.memory_bytes is not None:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            most = pages * resource.getpagesize() + self.memory_bytes
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        if self.humble:
            _drop_capabilities()
        if self.dies_at_write is not None:
            os.pwrite = _half_and_dead(os.pwrite, self.dies_at_write)


FREE = Conditions()


class Forked:
    """A command in a child of a process that has imported everything, so that it starts at once.

    Every chunk is written as soon as it is computed, so that much of a sweep's life is writing.
    """

    def __init__(self, words: Sequence[object], log: Path, conditions: Conditions = FREE) -> None:
        context = server()
        self._log, self._clock = log, context.RawArray("d", len(PHASES) + 2)
        self._process = context.Process(
            target=_command, args=([*map(str, words)], log, self._clock, conditions), daemon=True
        )
        self._process.start()

    @property
    def phase(self) -> str:
        """What it is doing; of one that ended, what it was doing then."""
        return PHASES[int(self._clock[-1])]

    @property
    def seconds(self) -> dict[str, float]:
        """How long it was in each phase that is over."""
        return dict(zip(PHASES, self._clock[: len(PHASES)], strict=True))

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return bool(self._process.is_alive())

    def send(self, number: int) -> None:
        """A signal, if it is still there to get it."""
        if self._process.is_alive():
            os.kill(int(self._process.pid), number)

    def wait(self) -> int:
        """Its exit status, or minus the signal that killed it."""
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
            raise TimeoutError(f"still in the phase {self.phase} after {PATIENCE} s")
        status: int = self._process.exitcode
        self._process.close()
        return status

    @property
    def told(self) -> str:
        """What it wrote on standard output and standard error."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""


class Typed:
    """The command line as a user types it, from the start of the interpreter on."""

    def __init__(
        self,
        words: Sequence[object],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        launcher: Sequence[str] = (sys.executable,),
    ) -> None:
        self._log = log
        with log.open("w", encoding="utf-8") as file:
            self._process = subprocess.Popen(
                [*launcher, "-m", "landscape", *map(str, words)],
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **ALONE, **(environment or {})},
                preexec_fn=_heed_signals,
            )

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def send(self, number: int) -> None:
        """A signal, if it is still there to get it."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Its exit status, or minus the signal that killed it."""
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    @property
    def told(self) -> str:
        """What it wrote on standard output and standard error."""
        return self._log.read_text(encoding="utf-8")


Job = Forked | Typed


def until(condition: Callable[[], object], job: Job, seconds: float = 60.0) -> bool:
    """Wait until something holds; whether it did before the job ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        if not job.running:
            return bool(condition())
        time.sleep(0.0003)
    return False


def _half_and_dead(pwrite: Callable[..., int], number: int) -> Callable[..., int]:
    """The same, until a call that writes half of its data and is the last thing that is done."""
    calls = itertools.count()

    def write(descriptor: int, data: memoryview, place: int) -> int:
        if next(calls) < number:
            return pwrite(descriptor, data, place)
        pwrite(descriptor, data[: len(data) // 2], place)
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    return write


def _drop_capabilities() -> None:
    """All sets of them, by capset(2) of Linux."""
    header, none = struct.pack("Ii", 0x20080522, 0), bytes(24)
    if ctypes.CDLL(None, use_errno=True).capset(header, none):
        raise OSError(ctypes.get_errno(), "cannot give up the privileges of root")


def _heed_signals() -> None:
    """Also where this script runs with Ctrl-C ignored, as in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@cache
def server() -> Any:
    """A context whose processes are forks of one that has imported what they need."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["reliability.warm"])
    paths = os.pathsep.join(path for path in sys.path if path)
    given = {**ALONE, "PYTHONPATH": paths}  # the server would not know this script's folder
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        forkserver.ensure_running()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return context


def _command(words: list[str], log: Path, clock: Any, conditions: Conditions) -> None:
    """What the forked process does."""
    descriptor = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    _heed_signals()
    from landscape.cli import main

    watch = _Clock(clock)
    _watch(watch)
    conditions.apply()
    try:
        status = main(words)
        watch.enter("ending")
        sys.stdout.flush()
    except KeyboardInterrupt:  # all was done; Python on its own would end likewise
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    sys.exit(status)


@dataclass
class _Clock:
    """Tells the parent which phase this process is in, and how long it was in the earlier ones."""

    shared: Any
    since: float = field(default_factory=time.monotonic)

    def enter(self, phase: str) -> None:
        now = time.monotonic()
        self.shared[int(self.shared[-1])] += now - self.since
        self.since, self.shared[-1] = now, PHASES.index(phase)

    def during(self, phase: str, after: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with the clock set before and after it."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self.enter(phase)
            try:
                return function(*args, **kwargs)
            finally:
                self.enter(after)

        return timed


def _watch(clock: _Clock) -> None:
    """Tell of phases, and write every chunk at once."""
    from landscape import sweep
    from landscape.store import SurfaceWriter

    for name, phase, after in (
        ("_create", "creating", "computing"),
        ("write", "writing", "computing"),
        ("finish", "packing", "ending"),
    ):
        setattr(SurfaceWriter, name, clock.during(phase, after, getattr(SurfaceWriter, name)))
    checked: Any = sweep
    checked.open_surface = clock.during("checking", "checking", checked.open_surface)
    checked.sweep.__kwdefaults__["flush_seconds"] = 0.0

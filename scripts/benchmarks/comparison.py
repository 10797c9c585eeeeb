"""Contestants in turn on the same work, and what their times say of each other."""

import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from benchmarks.ceilings import Flops, count_flops, gemm_flops
from benchmarks.processes import BenchmarkError, Process, Reply
from benchmarks.work import Work, prepare
from benchmarks.worker import Order
from landscape.engine.compute import computes_bf16

WARM_UP = 2  # points
MICRO_BATCH = 128  # of a ceiling where none of ours has chosen one
EMULATED = "this CPU has no bf16 instructions; --only measures it all the same"
NEAR_ZERO = 0.01  # below it, 1e-4 of a loss is less than 1e-6


@dataclass(frozen=True)
class Group:
    """Contestants that are measured against each other.

    Attributes:
        title: for the reader.
        work: what all of them compute.
        contestants: names in `CONTESTANTS[work.kind]`, in the order of the table.
        reference: how many points of the grid are compared with a float64 loop.
        parts: a repetition computes every so manieth point of the grid, each round others.
    """

    title: str
    work: Work
    contestants: tuple[str, ...]
    reference: int = 0
    parts: int = 1


@dataclass(frozen=True)
class Repetition:
    """One turn of a contestant.

    Attributes:
        seconds: by the wall clock.
        images: scored, or trained on.
    """

    seconds: float
    images: int

    @property
    def rate(self) -> float:
        """Images per second."""
        return self.images / self.seconds


@dataclass
class Standing:
    """What is known of one contestant.

    Attributes:
        name: in `CONTESTANTS`.
        absent: why it does not take part; None if it does.
        failed: whether that is a fault rather than a package that is not installed.
        setup: seconds before the first repetition: preparation, calibration, compilation, warm-up.
        memory_before: peak bytes before the set-up: interpreter, libraries, data.
        memory: peak bytes at the end.
        notes: what it says of its choices.
        repetitions: one per round.
        values: by row of the grid.
        deviation: from the float64 loop, relative; see `deviation`.
    """

    name: str
    absent: str | None = None
    failed: bool = False
    setup: float = 0.0
    memory_before: int = 0
    memory: int = 0
    notes: list[str] = field(default_factory=list)
    repetitions: list[Repetition] = field(default_factory=list)
    values: dict[int, list[float]] = field(default_factory=dict)
    deviation: float | None = None

    @property
    def rate(self) -> float:
        """Median images per second."""
        return statistics.median(r.rate for r in self.repetitions)


@dataclass(frozen=True)
class Outcome:
    """A group after all rounds."""

    group: Group
    images: str
    flops: Flops
    standings: dict[str, Standing]

    def ratios(self, fast: str, slow: str) -> list[float]:
        """How many times as fast one contestant was as another, round by round."""
        pairs = zip(self.standings[fast].repetitions, self.standings[slow].repetitions, strict=True)
        return [a.rate / b.rate for a, b in pairs]

    def work_per_image(self, name: str) -> int:
        """Floating-point operations that a contestant does for an image."""
        if name.startswith("gemm"):
            return gemm_flops(self.group.work.device)
        if name.startswith("convolutions"):
            training = self.group.work.kind == "training"
            return self.flops.convolution_step if training else self.flops.convolutions
        return self.flops.per_image(self.group.work, name)

    def shares(self, name: str, ceiling: str) -> list[float]:
        """Operations per second as a share of a ceiling's, round by round."""
        scale = self.work_per_image(name) / self.work_per_image(ceiling)
        return [ratio * scale for ratio in self.ratios(name, ceiling)]


def compare(
    group: Group, *, rounds: int, data_root: Path | None, only: Sequence[str] = ()
) -> Outcome:
    """Measure a group.

    Args:
        group: who does what.
        rounds: repetitions of each contestant; the order rotates from round to round.
        data_root: where CIFAR-10 lies, if it does.
        only: contestants to which the group is narrowed down; none: all take part, but for those
            in bf16 on a CPU that emulates it, up to fifteen times slower than fp32.

    Raises:
        BenchmarkError: the float64 loop failed.
    """
    slow = [] if only else emulated(group)
    absent = [Standing(name, absent=EMULATED) for name in slow]
    named = [name for name in group.contestants if name in only or not only]
    standings = [Standing(name) for name in named if name not in slow]
    with tempfile.TemporaryDirectory(prefix="landscape-benchmark-") as folder, ExitStack() as stack:
        file = Path(folder) / "work.pt"
        images = prepare(group.work, file, data_root)
        _say(group.title)
        starts = [_start(group.work, file, standing.name) for standing in standings]
        processes = [stack.enter_context(process) for process in starts]
        _set_up(standings, processes)
        pairs = list(zip(standings, processes, strict=True))
        for number in range(rounds):
            rows = range(number % group.parts, group.work.points, group.parts)
            turn = number % max(1, len(pairs))
            for standing, process in pairs[turn:] + pairs[:turn]:
                _take_turn(standing, process, rows)
            _say(f"  round {number + 1} of {rounds}")
        if group.reference:
            _check(group, standings, file)
    flops = count_flops(group.work)
    known = {standing.name: standing for standing in standings + absent}
    return Outcome(group, images, flops, known)


def emulated(group: Group) -> list[str]:
    """The contestants whose arithmetic the device has no instructions for."""
    if computes_bf16(torch.device(group.work.device)):
        return []
    return [name for name in group.contestants if name.endswith("-bf16")]


def _start(work: Work, file: Path, name: str) -> Process:
    order = Order(work, str(file), name, warm_up=min(WARM_UP, work.points))
    return Process(order, file.parent)


def _set_up(standings: Sequence[Standing], processes: Sequence[Process]) -> None:
    """One after the other, once all have imported what they need.

    Those that come after ours are told how many images ours of the same precision runs at once.
    """
    chosen: dict[bool, int] = {}
    for standing, process in zip(standings, processes, strict=True):
        _try(standing, process.wait)
    for standing, process in zip(standings, processes, strict=True):
        bf16 = "bf16" in standing.name
        reply = _try(standing, partial(process.set_up, chosen.get(bf16, MICRO_BATCH)))
        if reply is None:
            continue
        if "absent" in reply:
            standing.absent = reply["absent"]
            _say(f"  {standing.name}: {standing.absent}")
            continue
        if reply["micro_batch"]:
            chosen.setdefault(bf16, reply["micro_batch"])
        standing.setup, standing.notes = reply["setup"], reply["notes"]
        standing.memory_before = reply["memory_before"]
        _say(f"  {standing.name} set up in {standing.setup:.1f} s")


def _try(standing: Standing, request: Callable[[], Reply]) -> Reply | None:
    """The answer of a contestant that takes part; its failure does not cost the others' hours."""
    if standing.absent:
        return None
    try:
        return request()
    except BenchmarkError as error:
        _say(f"  {error}")
        standing.absent = f"failed ({str(error).strip().splitlines()[-1]})"
        standing.failed = True
        standing.repetitions.clear()
        standing.values.clear()
        return None


def _take_turn(standing: Standing, process: Process, rows: Sequence[int]) -> None:
    reply = _try(standing, partial(process.repeat, rows))
    if reply is None:
        return
    standing.repetitions.append(Repetition(reply["seconds"], reply["images"]))
    standing.memory = reply["memory"]
    if reply["values"]:
        standing.values.update(zip(rows, reply["values"], strict=True))


def _check(group: Group, standings: Sequence[Standing], file: Path) -> None:
    """Compare everybody's values with a float64 loop, at points spread over the grid."""
    known = sorted({row for standing in standings for row in standing.values})
    rows = known[:: max(1, len(known) // group.reference)]
    _say(f"  float64 loop over {len(rows)} of {group.work.points} points")
    with _start(group.work, file, "float64") as process:
        process.wait()
        process.set_up(MICRO_BATCH)
        reference = dict(zip(rows, process.repeat(rows)["values"], strict=True))
    for standing in standings:
        if standing.values:
            standing.deviation = deviation(standing.values, reference)


def deviation(values: dict[int, list[float]], reference: dict[int, list[float]]) -> float:
    """The largest difference as a share of the reference, or of 0.01 where that is larger.

    It is at most 1e-4 exactly if every value is within 1e-4 relative or 1e-6 absolute.
    """
    return max(
        abs(value - true) / max(abs(true), NEAR_ZERO)
        for row, trues in reference.items()
        for value, true in zip(values[row], trues, strict=True)
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

"""The processes that `torchrun` has started, seen from one of them."""

import atexit
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from landscape.errors import InputError
from landscape.interrupt import ERRORS, Asked, Terminated, deferred_stop

T = TypeVar("T")
GIVEN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR")  # by torchrun, to every process
PATIENCE = timedelta(days=1)  # the others wait while the first process validates
GRACE = 50  # tenths of a second, within which the first process tells what all have found
TOLD = "landscape/told"
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Group:
    """The processes that work together, seen from one of them; by default there is no other.

    Methods that end in an agreement (`sum`, `any`, `wait`, `on_first` and
    `refuse_differences`) are called by all of them, in the same order.

    Attributes:
        rank: of this process, from 0.
        size: how many there are.
        local_rank: among the processes on this machine, from 0.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes, validates and speaks."""
        return self.rank == 0

    @property
    def purpose(self) -> tuple[int, ...]:
        """What the random numbers of this process are named after, beside their purpose."""
        return (self.rank,) if self.size > 1 else ()

    def place(self, device: str) -> str:
        """The device of this process: where there are several, a GPU each.

        Args:
            device: as asked for, e.g. "cuda".

        Raises:
            InputError: there are more processes than GPUs, or it is another kind of device.
        """
        if self.size == 1 or device == "cpu":
            return device
        if device not in ("cuda", f"cuda:{self.local_rank}"):
            raise InputError(
                "expected the device cuda, of which every process of torchrun takes one, or cpu, "
                f"got {device!r}"
            )
        if self.local_rank >= torch.cuda.device_count():
            raise InputError(
                f"torchrun has started more processes here than there are GPUs; give "
                f"--nproc-per-node {torch.cuda.device_count()}"
            )
        torch.cuda.set_device(self.local_rank)
        return f"cuda:{self.local_rank}"

    def device_of(self, model: nn.Module, device: str | None) -> str | None:
        """The device of this process for a model: the one asked for, or that the model is on.

        Raises:
            InputError: see `place`.
        """
        if self.size == 1:
            return device
        own = next((str(parameter.device) for parameter in model.parameters()), "cpu")
        return self.place(own if device is None else device)

    def sum(self, values: Tensor) -> Tensor:
        """The sum of all processes' values, which lie on the CPU."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Whether some process says so."""
        return bool(self.sum(torch.tensor(int(flag)))) if self.size > 1 else flag

    def wait(self) -> None:
        """Go on when all processes have come here."""
        self.any(False)

    def on_first(self, work: Callable[[], T]) -> T:
        """What `work` returns in the first process; the others wait for it.

        Raises:
            InputError: as in the first process, in all of them.
        """
        if self.size == 1:
            return work()
        outcome: list[Any] = [None, None]
        if self.leads:
            try:
                outcome[0] = work()
            except InputError as error:
                outcome[1] = str(error)
        dist.broadcast_object_list(outcome, src=0, device=CPU)
        if outcome[1] is not None:
            raise InputError(outcome[1])
        result: T = outcome[0]
        return result

    def refuse_differences(self, settings: dict[str, Any]) -> None:
        """Make sure that all processes are about to do the same.

        Args:
            settings: of this one.

        Raises:
            InputError: those of another differ.
        """
        if self.any(self.on_first(lambda: settings) != settings):
            raise InputError(
                "expected the same settings and data in all processes, but they differ; give the "
                "same command on every machine, and the same data in --data-root"
            )

    def tells(self) -> bool:
        """Whether this process is to say what went wrong, here or in all of them.

        It is the first one's part. Another takes it if the first has not within a few seconds.
        Whoever asks is about to end by itself, and torchrun's signals no longer matter.
        """
        if self.size == 1:
            return True
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        patience = 0 if self.leads else GRACE
        for _ in range(patience):
            if self.has_told():
                return False
            time.sleep(0.1)
        return bool(the_store().add(TOLD, 1) == 1)

    def has_told(self) -> bool:
        """Whether some process has said what went wrong."""
        if self.size == 1:
            return False
        return bool(the_store().check([TOLD]))


ALONE = Group()


def joined() -> Group:
    """The processes that `torchrun` has started, or this one alone where it has not.

    They meet at the first call and stay together until they end: PyTorch cannot bring the same
    processes together twice.
    """
    if not all(name in os.environ for name in GIVEN) or os.environ["WORLD_SIZE"] == "1":
        return ALONE
    if not dist.is_initialized():
        gpus = torch.cuda.is_available() and dist.is_nccl_available()
        # Flags and metrics go by way of the CPU, so that nobody has to wait for a GPU.
        backend = "cpu:gloo,cuda:nccl" if gpus else "gloo"
        dist.init_process_group(backend, timeout=PATIENCE, **_store_of_the_round())
        atexit.register(dist.destroy_process_group)
    return Group(dist.get_rank(), dist.get_world_size(), int(os.environ["LOCAL_RANK"]))


def _store_of_the_round() -> dict[str, Any]:
    """Where the processes of one machine meet: not where those before a restart have met.

    PyTorch 2.14 keeps one store for all rounds, in which the restarted would find the addresses of
    the dead. On several machines rounds are counted differently, so there it is left as it is.
    """
    if os.environ.get("GROUP_WORLD_SIZE") != "1":
        return {}
    torch_distributed: Any = dist  # which does not say that it exports these
    store, rank, size = next(torch_distributed.rendezvous("env://", timeout=PATIENCE))
    name = f"round/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
    return {"store": torch_distributed.PrefixStore(name, store), "rank": rank, "world_size": size}


def is_loss_of_another(error: RuntimeError) -> bool:
    """Whether this is what a process meets that waits for one that has ended."""
    return isinstance(error, dist.DistError) or "/gloo/" in str(error)


@contextmanager
def shared_stop(group: Group) -> Iterator[Asked]:
    """As `landscape.interrupt.deferred_stop`, in all processes alike: what one heard, all are told.

    The yielded function is then called by all of them, in the same order. The SIGTERM of torchrun
    kills what has not ended after half a minute; a second signal changes nothing.
    """
    if group.size == 1:
        with deferred_stop() as asked:
            yield asked
        return
    with heard_signals() as heard:

        def agreed() -> type[KeyboardInterrupt] | None:
            own = heard()
            known = group.sum(torch.tensor([own is KeyboardInterrupt, own is Terminated]).int())
            return next((e for e, n in zip(ERRORS.values(), known, strict=True) if n), None)

        yield agreed


@contextmanager
def heard_signals() -> Iterator[Asked]:
    """Within the block Ctrl-C and SIGTERM only make the yielded function tell of the first."""
    came: list[type[KeyboardInterrupt]] = []

    def handle(number: int, frame: FrameType | None) -> None:
        came.append(ERRORS[number])

    usual: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        usual = {number: signal.getsignal(number) for number in ERRORS}
    try:
        for number in usual:
            signal.signal(number, handle)
        yield lambda: came[0] if came else None
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def the_store() -> Any:
    """What torchrun keeps for all processes; it outlives each of them."""
    return dist.distributed_c10d._get_default_store()

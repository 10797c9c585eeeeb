"""Running a network in several processes as in one."""

from dataclasses import replace

from landscape.engine.network import Network
from landscape.processes import Group
from landscape.typing import Inputs


def settle_alike(network: Network, inputs: Inputs, group: Group) -> None:
    """Settle how such inputs are run, with passes as large as those of the first process.

    The size of a pass may decide about the last bit of what it gives. For the same reason nothing
    is compiled in several processes unless that is asked for.

    Args:
        network: of each process, of the same model.
        inputs: at least one, of the size of all that follow.
        group: all call this alike.
    """
    if group.size > 1 and network.compute.compile == "auto":
        network.compute = replace(network.compute, compile="never")
    if group.leads:
        network.settle(inputs)
    wanted = group.on_first(lambda: network.passes.size)
    if not group.leads:
        network.compute = replace(network.compute, micro_batch=wanted)
        network.settle(inputs)

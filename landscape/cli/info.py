"""`landscape info`: what a file holds, and whether it may be believed."""

from landscape.cli.options import Files, refuse_none
from landscape.cli.output import cell, console


def info(files: Files, /) -> None:
    """What stored surfaces hold: grid, values, configuration, origin, and their self-checks.

    Args:
        files: Surfaces computed by `landscape spatial` and `landscape weights`.
    """
    from rich.table import Table

    from landscape.describe import described
    from landscape.store import facts, open_surface

    refuse_none(files, "surface file to describe")
    for file in files:
        with open_surface(file) as data:
            known = facts(data)
            title = cell(f"{file}: {known.get('title', 'a surface')}")
            table = Table(title=title, show_header=False, box=None)
            table.title_justify = "left"
            for name, value in described(data, known):
                table.add_row(cell(name), cell(value))
        console().print(table)

"""The notebooks of the documentation run from top to bottom, in kernels of their own."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"


def pictures(notebook):
    """How many outputs of each cell are pictures."""
    outputs = [cell.get("outputs", []) for cell in notebook.cells]
    return [sum("image/png" in out.get("data", {}) for out in cell) for cell in outputs]


@pytest.mark.walkthrough
@pytest.mark.filterwarnings("ignore")  # of the kernel's libraries
@pytest.mark.parametrize("name", ["input-space", "weight-space"])
def test_a_notebook_runs_and_shows_what_it_showed(name, tmp_path):
    stored = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    assert sum(pictures(stored)) > 0
    run = nbformat.from_dict(stored)
    NotebookClient(run, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert pictures(run) == pictures(stored)
    for cell in run.cells:
        assert not any(out.get("name") == "stderr" for out in cell.get("outputs", [])), cell

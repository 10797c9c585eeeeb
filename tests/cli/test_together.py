"""Commands in two processes of the real torchrun, beside the same commands in one."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from landscape.cli import main
from landscape.models import ModelSpec, build_model, save_checkpoint
from landscape.store import load_directions, load_surface

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
SCRIPT = """
import sys
import warnings

warnings.simplefilter("error")
from landscape.cli import main

for words in " ".join(sys.argv[1:]).split(" then "):
    status = main(words.split())
sys.exit(status)
"""
SMALL = ["--samples", "60", "--points", "4"]
COMMANDS = {
    "spatial": ["--images", "7", "--rotation", "-30", "30", "7", "--shift-y", "0", "0", "1"],
    "weights": [
        *SMALL,
        "--directions",
        "gradient",
        "random",
        "--attack",
        "pgd:steps=2",
        "--clean-too",
    ],
    "evaluate": ["--attacks", "natural", "random:k=3", "--keep-images", "--names", "m"],
}


def words(command, folder, *, where):
    start = [command, str(folder / "model.pt"), *COMMANDS[command]]
    return [*start, "--out", str(folder / where / command)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes and one have written of each command."""
    folder = tmp_path_factory.mktemp("together")
    spec = ModelSpec("cnn", classes=10, channels=1)
    model = build_model(spec, generator=torch.Generator().manual_seed(0))
    about = {"data": {"name": "digits"}}
    save_checkpoint(folder / "model.pt", model, spec, configuration=about, provenance={})
    (folder / "run.py").write_text(SCRIPT)
    runs = [" ".join(words(command, folder, where="two")) for command in COMMANDS]
    runs.append(" ".join(["spatial", str(folder / "none.pt"), "--out", str(folder / "x.h5")]))
    done = subprocess.run(
        [*TORCHRUN, str(folder / "run.py"), *" then ".join(runs).split()],
        capture_output=True,
        text=True,
    )
    (folder / "said").write_text(done.stdout + done.stderr)
    torch.set_num_threads(1)  # as torchrun does: sums in another order end in another last bit
    for command in COMMANDS:
        assert main(words(command, folder, where="one")) == 0
    return folder


@pytest.mark.parametrize(
    "file",
    ["spatial", "weights", "evaluate/m/natural.h5", "evaluate/m/random_k_3.h5"],
)
@pytest.mark.processes
def test_two_processes_write_the_file_of_one(folder, file):
    one, two = (load_surface(folder / where / file) for where in ("one", "two"))
    assert set(one.variables) == set(two.variables)
    for name in one.variables:
        np.testing.assert_array_equal(one[name], two[name], err_msg=str(name))
    assert one.attrs["configuration"] == two.attrs["configuration"]
    if file == "weights":
        for axis, direction in load_directions(folder / "one" / file).items():
            np.testing.assert_array_equal(direction, load_directions(folder / "two" / file)[axis])


@pytest.mark.processes
def test_one_speaks_and_what_all_find_wrong_is_said_once(folder):
    said = (folder / "said").read_text()
    assert said.count("7 images; next: landscape plot") == 1
    assert said.count("accuracy in %, with its 95 % interval") == 1
    assert said.count("no such file") == 1
    assert "warning" not in said.lower().replace("warnings", "")

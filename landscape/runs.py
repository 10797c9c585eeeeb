"""What a training leaves for others to read: names of files, and which lines are whole."""

from pathlib import Path

SETTINGS, METRICS = "config.json", "metrics.jsonl"


def whole_lines(path: Path) -> list[str]:
    """The lines of a file to which one is added after the other, but a last one that a kill cut.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no text.
    """
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n")]

from dataclasses import dataclass
from itertools import pairwise

import pytest

from landscape.cli import COMMANDS
from landscape.cli.parsing import paragraphs, parse


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def add(first: int, second: int = 2, *, quick_sum: bool = False) -> int:
    """Add two numbers, neither of them larger than what fits into a word of the machine, at once.

    They may be negative.

        add --first 1

    Args:
        first: The number that the other one is added to, which may well be the larger
            of both.
        second: Another one.
        quick_sum: Be quick.
    """
    return 0 if quick_sum else first + second


@dataclass(frozen=True)
class Options:
    """What there is to say.

    Attributes:
        loud: Whether it is said so loudly that nobody in the whole house fails to hear what
            there is.
    """

    loud: bool = False


def printed(target, capsys):
    with pytest.raises(SystemExit) as end:
        parse(target, ["--help"], program="program")
    assert end.value.code == 0
    return capsys.readouterr().out


def test_a_function_is_called_with_the_words():
    assert parse(add, ["--first", "3"]) == 5
    assert parse(add, ["--first", "3", "--second", "-1"]) == 2
    assert parse(add, ["--first", "3", "--quick-sum"]) == 0
    assert parse(Options, ["--loud"]) == Options(loud=True)


def test_what_a_function_does_is_wrapped_and_examples_stay(capsys):
    told = printed(add, capsys)
    assert max(map(len, told.splitlines())) == 80
    assert "\n Add two numbers, neither of them larger than what fits into a word of the\n" in told
    assert " They may be negative.\n    add --first 1\n" in told
    assert "--no-quick-sum" not in told


def test_no_line_of_help_ends_where_one_of_the_source_does(capsys):
    """It ends where the next word does not fit."""
    wrapped = [pair for target in (add, *COMMANDS.values()) for pair in _wrapped(target, capsys)]
    assert len(wrapped) > 100
    for column, line, following in wrapped:
        assert column + len(f"{line} {following.split()[0]}") > 78


def _wrapped(target, capsys):
    """Where text is, a line of it, and the next one."""
    rows = printed(target, capsys).replace("│", " ").splitlines()
    column = next(row.index("show this help") for row in rows if "show this help" in row)
    for row, following in pairwise(rows):
        goes_on = following.strip() and not following[:column].strip()
        if goes_on and row[column:].strip() and row[column - 2 : column] == "  ":
            yield column, row[column:].strip(), following.strip()


def test_options_and_their_words(capsys):
    told = " ".join(printed(Options, capsys).replace("│", " ").split())
    assert "What there is to say." in told
    assert "nobody in the whole house fails to hear what there is." in told


def test_paragraphs_end_before_the_arguments():
    assert paragraphs("One.\n\n    Args:\n        a: letter.") == " One."
    assert paragraphs("") == ""

"""The words of a figure as LaTeX sets them; nothing in them is ever a command."""

import re

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter

FORMULA = re.compile(r"(?<!\\)\$([^$]*)\$")
NUMBER = re.compile(r"-?(\d+(\.\d+)?\\times)?10\^\{-?\d+\}")
"""The only formulas that figures hold, see `scales.number`."""
WORDS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    "°": r"$^\circ$",
    "\N{MINUS SIGN}": "$-$",
    "→": r"$\to$",
    "±": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "·": r"$\cdot$",
    "²": "$^2$",
    "\N{EN DASH}": "--",
    "…": r"\ldots{}",
    "ε": r"$\epsilon$",
    "\N{GREEK SMALL LETTER ALPHA}": r"$\alpha$",
    "β": r"$\beta$",
    "\N{GREEK SMALL LETTER GAMMA}": r"$\gamma$",
    "λ": r"$\lambda$",
}
UNKNOWN = "?"
LAST, LACKING = "\u017f", "ĦħĸĿŀŉŦŧſ"  # the Latin letters that LaTeX's fonts hold, and do not


def set_by_latex(figure: Figure) -> Figure:
    """Put every text of a figure, drawn where `style` lets LaTeX set it, in LaTeX's terms."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)  # for the type checker
        text.set_text(in_latex(text.get_text()))
    for axis in figure.findobj(Axis):
        assert isinstance(axis, Axis)
        formatter = axis.get_major_formatter()
        if isinstance(formatter, FuncFormatter):  # the others know of LaTeX
            axis.set_major_formatter(_in_latex(formatter))
    return figure


def _in_latex(formatter: FuncFormatter) -> FuncFormatter:
    return FuncFormatter(lambda value, place: in_latex(formatter(value, place)))


def in_latex(text: str) -> str:
    r"""What matplotlib draws (see `text.literal`: a dollar sign is `\$`) as LaTeX sets it."""
    parts, at = [], 0
    for found in FORMULA.finditer(text):
        if NUMBER.fullmatch(found[1]):
            parts += [_escaped(text[at : found.start()]), found[0]]
            at = found.end()
    return "".join([*parts, _escaped(text[at:])])


def _escaped(text: str) -> str:
    return "".join(map(_character, text.replace(r"\$", "$")))


def _character(one: str) -> str:
    if one in WORDS:
        return WORDS[one]
    known = one.isprintable() and one <= LAST and one not in LACKING
    return one if known or one == "\n" else UNKNOWN

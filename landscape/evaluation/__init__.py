"""Accuracy of models under attacks: measured, kept per image, and put into tables."""

from landscape.evaluation.attacked import load_attacked, with_attacked
from landscape.evaluation.extras import dissimilarity
from landscape.evaluation.rows import Evaluation, rows_of
from landscape.evaluation.run import evaluate
from landscape.evaluation.tables import TABLES, write_table

__all__ = [
    "TABLES",
    "Evaluation",
    "dissimilarity",
    "evaluate",
    "load_attacked",
    "rows_of",
    "with_attacked",
    "write_table",
]

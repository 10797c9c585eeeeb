"""Accuracy of models under attacks: measured, kept per image, and put into tables."""

from landscape.evaluation.attacked import load_attacked, with_attacked
from landscape.evaluation.consistency import shift_consistency
from landscape.evaluation.extras import dissimilarity
from landscape.evaluation.masking import Masking, Sign, masking
from landscape.evaluation.rows import Evaluation, rows_of
from landscape.evaluation.run import evaluate
from landscape.evaluation.tables import TABLES, write_table

__all__ = [
    "TABLES",
    "Evaluation",
    "Masking",
    "Sign",
    "dissimilarity",
    "evaluate",
    "load_attacked",
    "masking",
    "rows_of",
    "shift_consistency",
    "with_attacked",
    "write_table",
]

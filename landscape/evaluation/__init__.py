"""Accuracy of models under attacks: measured, kept per image, and put into tables."""

from landscape.evaluation.rows import Evaluation, rows_of
from landscape.evaluation.run import evaluate
from landscape.evaluation.tables import TABLES, write_table

__all__ = ["TABLES", "Evaluation", "evaluate", "rows_of", "write_table"]

"""All that a run left, on one page: settings, training, accuracy under attack, surfaces."""

from landscape.report.page import write_report

__all__ = ["write_report"]

"""The page of a finished run.

It shows what came out, how steady it is, and how it was made.
"""

from jvst.app.report.command import rerun_command
from jvst.app.report.gather import RunFrame
from jvst.app.report.page import write_report

__all__ = ["RunFrame", "rerun_command", "write_report"]

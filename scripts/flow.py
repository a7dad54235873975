"""Write a clip's optical flow and masks; see ``jvst.app.cli.flow``."""

import sys

from jvst.app.cli.command import leave_with
from jvst.app.cli.flow import run_flow_command

if __name__ == "__main__":
    leave_with(lambda: run_flow_command(sys.argv[1:]))

"""Write a clip's optical flow and masks; see ``jvst.flow_command``."""

import sys

from jvst.flow_command import run_flow_command

if __name__ == "__main__":
    sys.exit(run_flow_command(sys.argv[1:]))

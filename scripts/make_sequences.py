"""Draw sequences with exact ground truth; see ``jvst.lab.evaluation.sequences_command``."""

import sys

from jvst.lab.evaluation.sequences_command import run_sequences_command

if __name__ == "__main__":
    sys.exit(run_sequences_command(sys.argv[1:]))

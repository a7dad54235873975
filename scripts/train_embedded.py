r"""Train the network that ships with jvst to answer as a teacher does.

python scripts/train_embedded.py --teacher teacher.npz --pictures photos \
    --folder run --output weights/embedded.safetensors

The same command goes on with a run that was interrupted.
"""

import sys

import tyro

from jvst.app.cli.command import status_of
from jvst.lab.training import train_embedded


def main() -> int:
    tyro.cli(train_embedded, description=__doc__, config=(tyro.conf.OmitArgPrefixes,))
    return 0


if __name__ == "__main__":
    sys.exit(
        status_of(
            "train_embedded.py", main, interrupted="interrupted; the same command goes on from here"
        )
    )

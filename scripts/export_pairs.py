r"""Write the encoders and decoders of one pass as a file of weights, in float16.

python scripts/export_pairs.py --pairs pairs.npz --pictures photos \
    --output weights/onepass.safetensors --origin "where the numbers come from"
"""

import sys

import tyro

from jvst.app.cli.command import status_of
from jvst.lab.training import export_pairs


def main() -> int:
    tyro.cli(export_pairs, description=__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(status_of("export_pairs.py", main))

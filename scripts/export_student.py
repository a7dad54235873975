r"""Write a trained student as a file of weights, at its teacher's scale and in float16.

python scripts/export_student.py --student run/student.npz \
    --output weights/embedded.safetensors --origin "how it was made"

The training does so itself at its end.
"""

import sys

import tyro

from jvst.app.cli.command import status_of
from jvst.lab.training import export_student


def main() -> int:
    tyro.cli(export_student, description=__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(status_of("export_student.py", main))

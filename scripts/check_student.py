r"""Print how far a network is from its teacher on pictures that it was not trained on.

python scripts/check_student.py --teacher teacher.npz --scales student.npz \
    --pictures one.jpg two.jpg
"""

import sys
from pathlib import Path

import tyro

from jvst.app.cli.command import status_of
from jvst.lab.training import check_student
from jvst.network.weights import EMBEDDED


def print_errors(
    teacher: Path, scales: Path, pictures: tuple[Path, ...], network: Path = EMBEDDED
) -> None:
    """Print a line for each picture and one for their mean.

    Args:
        teacher: .npz of the relu5_1 encoder of Wang et al. 2020.
        scales: student (.npz) whose channel scales weigh the channels.
        pictures: what to compare on.
        network: a file of weights, or a student (.npz).
    """
    print(check_student(network, teacher, scales, pictures))


def main() -> int:
    tyro.cli(print_errors, description=__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(status_of("check_student.py", main))

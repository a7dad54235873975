"""Print what the log of a training run says."""

from pathlib import Path

import tyro

from jvst.lab.training.summary import summary


def main(log: Path, batch: int = 1, every: int = 100) -> None:
    print("\n".join(summary(log, batch=batch, every=every)))


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)

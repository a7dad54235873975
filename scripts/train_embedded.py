"""Train the network that ships with jvst, on pictures that jvst draws."""

import tyro

from jvst.lab.training import train_embedded

if __name__ == "__main__":
    tyro.cli(train_embedded, description=__doc__)

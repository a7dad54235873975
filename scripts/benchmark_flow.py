"""Measure the flow engines: another name for ``benchmark.py flow``."""

import sys

from jvst.benchmark.command import main

if __name__ == "__main__":
    main(["flow", *sys.argv[1:]])

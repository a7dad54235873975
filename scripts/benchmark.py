"""Measure the speed of jvst; ``benchmark.py --help`` lists the parts."""

from jvst.lab.benchmark.command import main

if __name__ == "__main__":
    main()

"""Measure the speed of jvst; see ``jvst.benchmark``. ``benchmark.py --help`` lists the parts."""

from jvst.benchmark.command import main

if __name__ == "__main__":
    main()

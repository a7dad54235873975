"""Measure the flow engines; see ``jvst.flow_benchmark``."""

from jvst.flow_benchmark import main

if __name__ == "__main__":
    main()

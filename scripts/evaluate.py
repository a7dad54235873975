"""Measure ways of stylizing clips of known motion; see ``jvst.lab.evaluation``."""

from jvst.lab.evaluation.command import main

if __name__ == "__main__":
    main()

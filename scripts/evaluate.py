"""Measure ways of stylizing clips of known motion; see ``jvst.evaluation``."""

from jvst.evaluation.command import main

if __name__ == "__main__":
    main()

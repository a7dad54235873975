"""Stylize a clip; see ``jvst.cli``."""

from jvst.cli import main

if __name__ == "__main__":
    main()

"""Stylize a clip; see ``jvst.app.cli.main``."""

from jvst.app.cli.main import main

if __name__ == "__main__":
    main()

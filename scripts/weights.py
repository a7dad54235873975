"""List, fetch, describe, check and convert files of weights, as ``jvst weights`` does."""

import sys

from jvst.app.cli.weights import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

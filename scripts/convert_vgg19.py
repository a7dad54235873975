"""Turn a published VGG-19 file into jvst's format: python scripts/convert_vgg19.py IN [OUT]."""

import sys

from jvst.app.cli.weights import main

if __name__ == "__main__":
    sys.exit(main(["convert", *sys.argv[1:]]))

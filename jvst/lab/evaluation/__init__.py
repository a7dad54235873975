"""Measurement of stylized clips against true motion.

Other programs' frames are measured the same way.

``scripts/evaluate.py`` is the command; ``methods`` are the ways by name, ``measures`` the numbers
of one clip, ``states`` and ``results`` what is kept on disk, ``table`` what is shown.
"""

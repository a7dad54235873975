"""Measure ways of stylizing a clip against true motion, other programs' frames among them.

``scripts/evaluate.py`` is the command; ``methods`` are the ways by name, ``measures`` the numbers
of one clip, ``states`` and ``results`` what is kept on disk, ``table`` what is shown.
"""

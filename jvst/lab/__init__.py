"""Benchmarks, evaluation and training, outside the installed package.

``benchmark`` measures speed, ``evaluation`` steadiness against known motion, ``training`` makes the
network that ships, ``cost`` models how long a film takes, ``sheet`` draws contact sheets. The
commands are in ``scripts/``; nothing else in jvst imports from here.
"""

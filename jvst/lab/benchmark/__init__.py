"""Benchmarks, each a sub-command of ``scripts/benchmark.py``.

A benchmark measures in turn what it compares, prints Markdown tables as they are finished, and with
``--json FILE`` keeps the same figures with machine, versions and command. ``records`` and
``timing`` are what they share.
"""

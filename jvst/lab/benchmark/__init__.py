"""Benchmarks that anyone can run: ``scripts/benchmark.py`` with a sub-command each.

A benchmark measures in turn what it compares, prints Markdown tables as they are finished, and with
``--json FILE`` keeps the same figures with machine, versions and command. ``records`` and
``timing`` are what they share.
"""

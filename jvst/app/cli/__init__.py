"""The command line: ``jvst OPTIONS``, ``jvst weights …`` and ``scripts/flow.py``.

Only here is anything printed, and only here are options called by their names on the command line.
"""

"""The command line: ``jvst OPTIONS``, ``jvst weights …`` and ``scripts/flow.py``.

Only here is anything printed (``lines``, ``progress``), and only here are options called by their
names on the command line (``spelling``).
"""

"""Flow engines, one a file.

Each is a frozen object with the three members of ``flow.engine.Engine``.

``dis`` is OpenCV's dense inverse search, ``deepflow`` its variational flow; ``deepmatching``,
``deepflow2`` and ``epicflow`` are the paper's, on DeepMatching; ``epic`` checks several dense
guesses against each other. ``flow.estimation`` knows them by name.
"""

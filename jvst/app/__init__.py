"""One run, from options to the finished film.

``options`` is everything that the user can choose, ``task`` what a run is made of once all of it is
found and checked, ``run`` takes it to video and report, ``clips`` does so for several. ``frames``
makes the frames of a task, in one pass (``single``) or several (``passes``), or without a
solve (``instant``), with ``motion``
computed ahead and results in the run's folder (``store``). A run prints nothing: it tells a
listener of its ``events``; ``timings``, ``preview`` and the command line are listeners. Its
``result`` says where everything is. ``workers/`` stylize shots side by side, ``report/`` writes the
page of a run, ``cli/`` is the command line.
"""

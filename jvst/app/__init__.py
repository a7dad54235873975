"""One run, from options to the finished film.

``options`` is everything that the user can choose, ``task`` what a run is made of once all of it is
found and checked, ``run`` takes it to video and report, ``clips`` does so for several. ``frames``
makes the frames of a task, in one pass (``single``) or several (``passes``), with ``motion``
computed ahead and results in the run's folder (``store``). ``workers/`` stylize shots side by
side, ``report/`` writes the page of a run, ``cli/`` is the command line.
"""

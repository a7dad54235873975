"""Dense flow fields, from search or from matches.

``search`` is dense inverse search, ``variational`` an energy and its minimum, ``refinement``
OpenCV's; ``interpolation`` fills in between matches; ``hypotheses`` decides among several guesses,
``hold`` and ``smoother`` take care of flat areas, ``outlines`` of edges, and ``spread`` calls them
in order.
"""

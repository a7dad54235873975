"""Dense fields: found by search or made of matches, smoothed, sharpened at the pictures' edges.

``search`` is dense inverse search, ``variational`` an energy and its minimum, ``refinement``
OpenCV's; ``interpolation`` fills in between matches; ``hypotheses`` decides among several guesses,
``hold`` and ``smoother`` take care of flat areas, ``outlines`` of edges, and ``spread`` calls them
in order.
"""

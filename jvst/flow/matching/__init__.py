"""Sparse matches between two frames.

``matches`` is DeepMatching, of ``descriptors``, their ``correlation`` and its ``pyramid``; ``sift``
matches distinctive points, ``patches`` what nothing else explains.
"""

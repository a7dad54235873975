"""Sparse matches between two frames: where a patch of one is in the other.

``matches`` is DeepMatching, of ``descriptors``, their ``correlation`` and its ``pyramid``; ``sift``
matches distinctive points, ``patches`` what nothing else explains.
"""

"""Shots stylized side by side, here or in a cluster.

``jobs`` gives each shot to a worker of a ``pool`` and gathers the frames; ``worker`` is the process
that stylizes one shot after another and leaves ``notes`` for the command to see; ``local`` and
``ray_cluster/`` are the two pools.
"""

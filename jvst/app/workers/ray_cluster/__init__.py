"""Workers in a Ray cluster, a task for each shot.

A shot's files lie on storage that all machines of the cluster see.

Ray speaks to the cluster from a process of its own (``driver``): what its libraries print, their
signal handlers and their way of ending the process when a cluster goes down stay there. ``pool``
is the side of the command.
"""

from jvst.app.workers.ray_cluster.pool import RayPool

__all__ = ["RayPool"]

"""Readers of published files of weights, one format a file.

A reader takes a ``source`` of bytes, on disk or on a server, and returns an ``imported.Imported``;
``detect`` tells the formats apart by their content and is what the rest of jvst calls. No reader
runs anything that a file says, and none takes memory before it has checked a size. To add a format,
write its reader here and name it in ``detect``.
"""

"""The network whose activations the losses compare, and its files.

``vgg`` is a network of the VGG kind as a feature extractor, ``layers`` the table that says which
one (VGG-19 or VGG-16 through relu5_1, or another), ``convolution`` and ``winograd`` its
arithmetic, ``weights/`` finds, fetches, converts and checks files of weights. A network is an
argument of every jitted function, never a closure. The table is its own attribute, ``layers``;
nothing outside this folder reads anything out of a layer's name.
"""

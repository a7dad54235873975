"""The network whose activations the losses compare, and its files.

``vgg`` is VGG-19 through conv5_1 as a feature extractor, ``convolution`` and ``winograd`` its
arithmetic, ``weights/`` finds, fetches, converts and checks files of weights. A network is an
argument of every jitted function, never a closure.
"""

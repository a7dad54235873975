"""Frames of smooth random texture."""

import numpy as np
from scipy import ndimage

SIZE = (90, 120)  # height, width


def textured(seed, height=SIZE[0], width=SIZE[1], sigma=1.5):
    random = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(random.normal(size=(height, width, 3)), (sigma, sigma, 0))
    return np.clip(127 + 300 * smooth, 0, 255).astype(np.uint8)

"""The formulas once more, in float64 NumPy and plain loops: what the tests compare with.

Nothing here imports jvst: constants come from the papers, so that a wrong one shows.
"""

import numpy as np

# VGG-19 (Simonyan and Zisserman 2015, table 1, E), in the order of computation.
CHAIN = tuple(
    f"{kind}{block}_{index}" if kind != "pool" else f"pool{block}"
    for block, count in enumerate((2, 2, 4, 4, 1), start=1)
    for index in range(1, count + 2)
    for kind in (("conv", "relu") if index <= count else ("pool",))
)[:-1]
# Mean of ImageNet in the order of Caffe: blue, green, red, on levels of 255.
OXFORD_MEAN = np.array([103.939, 116.779, 123.68])


def relative_error(found, expected):
    """Largest difference, in units of the largest expected value."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


def parameters(vgg):
    """The kernels [3 3 c d] and biases [d] of a network, in float64, by name."""
    return {
        name: (np.asarray(layer.kernel[...], np.float64), np.asarray(layer.bias[...], np.float64))
        for name, layer in vgg.convolutions.items()
    }


def convolution(x, kernel, *, margin=1, edge="constant"):
    """Cross-correlate [h w c] with [k k c d]; the picture continues by zeros or its edge."""
    x = np.pad(x, ((margin, margin), (margin, margin), (0, 0)), mode=edge)
    size = kernel.shape[0]
    height, width = x.shape[0] - size + 1, x.shape[1] - size + 1
    return sum(
        x[i : i + height, j : j + width] @ kernel[i, j] for i in range(size) for j in range(size)
    )


def pool(x, pooling):
    """The maximum, or twice the average, of each whole block of 2×2."""
    height, width = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
    four = [x[i:height:2, j:width:2] for i in (0, 1) for j in (0, 1)]
    return np.maximum.reduce(four) if pooling == "max" else sum(four) / 2.0


def levels(image):
    """RGB in [0, 1] as the Oxford network sees it: BGR on levels of 255, minus the mean."""
    return np.asarray(image, np.float64)[..., ::-1] * 255.0 - OXFORD_MEAN


def vgg_features(weights, pixels, layers, *, pooling="max", first_padding="zeros"):
    """Every named activation of preprocessed pixels [h w 3]."""
    found, x = {}, pixels
    for name in CHAIN:
        if name.startswith("conv"):
            kernel, bias = weights[name]
            replicate = name == "conv1_1" and first_padding == "replicate"
            x = convolution(x, kernel, edge="edge" if replicate else "constant") + bias
        elif name.startswith("relu"):
            x = np.maximum(x, 0.0)
        else:
            x = pool(x, pooling)
        if name in layers:
            found[name] = x
        if len(found) == len(set(layers)):
            break
    return found


def gram(activation):
    """Products of the channels, divided by h·w·c."""
    return np.einsum("hwi,hwj->ij", activation, activation) / activation.size


def mean_square(a, b):
    return np.mean((np.asarray(a, np.float64) - np.asarray(b, np.float64)) ** 2)


def temporal(image, warped, weight):
    """One pixel and channel after the other, over D = 3hw."""
    total = 0.0
    for y, x, channel in np.ndindex(*image.shape):
        total += weight[y, x] * (image[y, x, channel] - warped[y, x, channel]) ** 2
    return total / image.size


def total_variation(image):
    """Half the sum of squared differences to the right and below, over (h−1)(w−1) pixels."""
    total = 0.0
    for y in range(image.shape[0] - 1):
        for x in range(image.shape[1] - 1):
            total += 0.5 * np.sum((image[y, x + 1] - image[y, x]) ** 2)
            total += 0.5 * np.sum((image[y + 1, x] - image[y, x]) ** 2)
    return total


def read_bilinear(field, x, y):
    """A field [h w c] at one point; beyond the border its edge continues."""
    x = min(max(x, 0.0), field.shape[1] - 1.0)
    y = min(max(y, 0.0), field.shape[0] - 1.0)
    left, top = int(np.floor(x)), int(np.floor(y))
    right, below = min(left + 1, field.shape[1] - 1), min(top + 1, field.shape[0] - 1)
    a, b = x - left, y - top
    upper = (1 - a) * field[top, left] + a * field[top, right]
    lower = (1 - a) * field[below, left] + a * field[below, right]
    return (1 - b) * upper + b * lower


def mask_reasons(flow, flow_back, *, edge):
    """Pixel by pixel: is it outside, hidden, on a boundary; and how near to a threshold."""
    flow, flow_back = flow.astype(np.float64), flow_back.astype(np.float64)
    height, width, _ = flow.shape
    outside, hidden, boundary = (np.zeros((height, width), bool) for _ in range(3))
    margin = np.zeros((height, width))
    for y, x in np.ndindex(height, width):
        u, v = flow[y, x]
        to_x, to_y = x + u, y + v
        if edge == "clamp":
            inside = 0 <= to_x <= width - 1 and 0 <= to_y <= height - 1
        else:  # all four neighbours of the target exist
            columns = (np.floor(to_x), np.floor(to_x) + 1)
            rows = (np.floor(to_y), np.floor(to_y) + 1)
            inside = columns[0] >= 0 and columns[1] < width and rows[0] >= 0 and rows[1] < height
        outside[y, x] = not inside
        u_back, v_back = read_bilinear(flow_back, to_x, to_y)
        miss = (u + u_back) ** 2 + (v + v_back) ** 2
        size = u * u + v * v
        hidden_above = 0.01 * (size + u_back**2 + v_back**2) + 0.5
        hidden[y, x] = miss >= hidden_above
        left, right = flow[y, max(x - 1, 0)], flow[y, min(x + 1, width - 1)]
        above, below = flow[max(y - 1, 0), x], flow[min(y + 1, height - 1), x]
        change = np.sum((0.5 * (right - left)) ** 2) + np.sum((0.5 * (below - above)) ** 2)
        boundary_above = 0.01 * size + 0.002
        boundary[y, x] = change > boundary_above
        margin[y, x] = min(
            abs(miss - hidden_above),
            abs(change - boundary_above),
            *(abs(place - whole) for place, whole in ((to_x, round(to_x)), (to_y, round(to_y)))),
        )
    return outside, hidden, boundary, margin


def soft_levels(outside, hidden, boundary):
    """Grey levels before they are cut to whole numbers."""
    height, width = outside.shape
    level = np.where(outside, 0.0, np.where(hidden, -255.0, np.where(boundary, 0.0, 255.0)))
    taps = np.exp(-(np.arange(-2, 3) ** 2) / (2 * 0.8**2))
    taps /= taps.sum()

    def mirrored(i, size):
        return -i - 1 if i < 0 else 2 * size - 1 - i if i >= size else i

    across, down = np.zeros_like(level), np.zeros_like(level)
    for y, x, i in np.ndindex(height, width, 5):
        across[y, x] += taps[i] * level[y, mirrored(x + i - 2, width)]
    for y, x, i in np.ndindex(height, width, 5):
        down[y, x] += taps[i] * across[mirrored(y + i - 2, height), x]
    return down


def long_term_weights(masks):
    """Equation 9, one lag and pixel after the other, nearest lag first."""
    weights = np.zeros_like(masks)
    for j, y, x in np.ndindex(*masks.shape):
        nearer = 0.0
        for k in range(j):
            nearer += masks[k, y, x]
        weights[j, y, x] = max(masks[j, y, x] - nearer, 0.0)
    return weights


def smooth_field(rng, height, width, channels, amplitude):
    """A few slow random waves, [h w channels], float32."""
    y, x = np.mgrid[:height, :width]
    field = np.zeros((height, width, channels))
    for channel in range(channels):
        for _ in range(3):
            across, down = rng.uniform(-0.25, 0.25, 2)
            field[..., channel] += np.sin(across * x + down * y + rng.uniform(0, 6.3))
    return (amplitude / 3 * field).astype(np.float32)

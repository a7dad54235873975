"""The published files of VGG-19 and VGG-16.

Each has its addresses, size and checksum.
"""

from typing import Literal, NamedTuple


class KnownFile(NamedTuple):
    """A published file.

    Attributes:
        name: what the user calls it, as in ``jvst weights fetch NAME``.
        url: where it is; empty where no address is known to last.
        size: in bytes; None where it isn't published.
        checksum: ``md5:``, ``sha1:`` or ``sha256:`` and hexadecimal digits, for ``sha256`` maybe
            only the first; empty where none is published, and then it can't be fetched.
        network: name of the preset of loss weights that fits.
        channels: order that conv1_1 expects.
        licence: under what terms the weights may be used.
        about: what it is, in words.
    """

    name: str
    url: str
    size: int | None
    checksum: str
    network: str
    channels: Literal["RGB", "BGR"]
    licence: str
    about: str


#: The default is first.
KNOWN_FILES = (
    KnownFile(
        "vgg19",
        "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
        "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        80_134_624,
        "md5:253f8cb515780f3b799900260a226db6",
        "vgg19",
        "BGR",
        "CC BY 4.0",
        "the Oxford weights, from Keras Applications, without classifier",
    ),
    KnownFile(
        "torchvision",
        "https://huggingface.co/timm/vgg19.tv_in1k/resolve/main/model.safetensors",
        None,
        "sha256:11aea017b543ff59233749d8f1cf544cda749378f5790d2fedab841fb86b7669",
        "torchvision",
        "RGB",
        "BSD-3-Clause",
        "torchvision's own training, from timm, safetensors",
    ),
    KnownFile(
        "torchvision-pth",
        "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        574_673_361,
        "sha256:dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        "torchvision",
        "RGB",
        "BSD-3-Clause",
        "torchvision's own training, from PyTorch, .pth",
    ),
    KnownFile(
        "johnson",
        "https://web.eecs.umich.edu/~justincj/models/vgg19-d01eb7cb.pth",
        None,
        "sha256:d01eb7cb",
        "vgg19",
        "BGR",
        "CC BY 4.0",
        "the Oxford weights, from J. Johnson, .pth",
    ),
    KnownFile(
        "caffe",
        "http://www.robots.ox.ac.uk/~vgg/software/very_deep/caffe/VGG_ILSVRC_19_layers.caffemodel",
        574_671_192,
        "sha1:239785e7862442717d831f682bb824055e51e9ba",
        "vgg19",
        "BGR",
        "CC BY 4.0",
        "the Oxford weights as published, .caffemodel",
    ),
    KnownFile(
        "matconvnet",
        "https://www.vlfeat.org/matconvnet/models/beta16/imagenet-vgg-verydeep-19.mat",
        None,
        "md5:8ee3263992981a1d26e73b3ca028a123",
        "vgg19",
        "RGB",
        "CC BY 4.0",
        "the Oxford weights, from MatConvNet, .mat",
    ),
    KnownFile(
        "vgg16",
        "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        58_889_256,
        "md5:6d6bbae143d832006294945121d1f1fc",
        "vgg16",
        "BGR",
        "CC BY 4.0",
        "the Oxford weights of VGG-16, from Keras Applications, without classifier",
    ),
    KnownFile(
        "torchvision-vgg16",
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        None,
        "sha256:397923af",
        "torchvision-vgg16",
        "RGB",
        "BSD-3-Clause",
        "torchvision's own training of VGG-16, from PyTorch, .pth",
    ),
    KnownFile(
        "gatys-normalised",
        "",
        None,
        "",
        "vgg19",
        "BGR",
        "CC BY 4.0",
        "vgg_normalised.caffemodel of the paper; vgg19-normalised is the like of it",
    ),
)


def known_by_name(name: str) -> KnownFile | None:
    """Return the published file of a name."""
    return next((known for known in KNOWN_FILES if known.name == name), None)


def known_by_sha256(digest: str) -> KnownFile | None:
    """Return the published file of a checksum."""
    for known in KNOWN_FILES:
        kind, _, stated = known.checksum.partition(":")
        if kind == "sha256" and digest.startswith(stated):
            return known
    return None

"""The choice of a file of weights.

It is found here, fetched, or the one that ships with jvst.
"""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jvst._download import OnBytes
from jvst._files import unwritable, user_cache
from jvst.errors import InputError
from jvst.network.weights.convert import convert_vgg19
from jvst.network.weights.fetch import fetch_known
from jvst.network.weights.formats.detect import file_sha256, read_published
from jvst.network.weights.formats.source import is_remote
from jvst.network.weights.formats.torchvision import Channels
from jvst.network.weights.known import KnownFile, known_by_name
from jvst.network.weights.native import describe
from jvst.network.weights.normalise import PictureSet, normalise_file

_PACKAGE = Path(__file__).resolve().parents[2]
#: Folder of a checkout where converted files may lie.
CHECKOUT_WEIGHTS = _PACKAGE.parent / "weights"


def _shipped(name: str) -> Path:
    """Return a file that ships with jvst: beside a checkout, inside an installed package."""
    inside = _PACKAGE / "data" / name
    return inside if inside.exists() else CHECKOUT_WEIGHTS / name


#: The small network that ships with jvst.
EMBEDDED = _shipped("embedded.safetensors")
#: The encoders and decoders of a picture in one pass.
ONE_PASS = _shipped("onepass.safetensors")

#: Told the name of a file that is being fetched, the bytes that are there, and those that there
#: will be, None while unknown.
OnFetch = Callable[[str, int, int | None], None]


class Found(NamedTuple):
    """A file of weights and what to tell the user about the choice."""

    path: Path
    network: str  # such as "vgg19" or "embedded": which preset of loss weights fits
    notice: str  # empty when there is nothing to say


def find_weights(
    choice: str, *, pictures: PictureSet | None = None, on_fetch: OnFetch | None = None
) -> Found:
    """Resolve what the user asks for to a file in jvst's own format.

    ``auto`` takes a converted file from ``weights/`` or the user's cache, else fetches the
    Keras file (80 MB) and converts it, else takes the embedded network and says so. ``vgg19``
    and the other names of ``jvst weights list`` do without the last. ``vgg19-normalised`` is
    ``vgg19`` with ``normalise_activations``. A path is used, or converted into the cache.

    Args:
        choice: what the user asked for.
        pictures: over which ``vgg19-normalised`` normalises.
        on_fetch: told how far a file is that is being fetched.

    Raises:
        InputError: what is asked for can't be had, or the path is no usable file.
    """
    if choice == "embedded":
        return Found(EMBEDDED, "embedded", "")
    if choice == "vgg19-normalised":
        return normalised(find_weights("vgg19", on_fetch=on_fetch), pictures)
    if is_remote(choice):
        raise InputError(
            f"{choice} is not on this machine; run jvst weights convert {choice} FILE and give FILE"
        )
    known = known_by_name("vgg19" if choice == "auto" else choice)
    if known is None:
        return _from_path(Path(choice))
    on_bytes = None if on_fetch is None else functools.partial(on_fetch, known.name)
    try:
        here = converted_file(known)
        if here is not None:
            return _described(here)
        fetched = fetch_weights(known, on_bytes=on_bytes)
        return _with_notice(_described(fetched), fetched.parent)
    except InputError as error:
        if choice != "auto":
            raise
        return Found(
            EMBEDDED,
            "embedded",
            f"{error}; using the small embedded network, whose pictures are plainer",
        )


def normalised(found: Found, pictures: PictureSet | None) -> Found:
    """Return the normalised version of a file, made once and kept in the user's cache.

    Raises:
        InputError: the file is unusable, or there are no pictures.
    """
    if pictures is None:
        raise InputError("normalised weights need pictures to normalise over; give a folder")
    folder = _writable_cache()
    path = normalise_file(found.path, pictures, folder)
    return _with_notice(found._replace(path=path), folder)


def converted_file(known: KnownFile) -> Path | None:
    """Return the converted version of a published file, if it is in ``weights/`` or the cache."""
    name = f"{known.name}.safetensors"
    candidates = (CHECKOUT_WEIGHTS / name, cache_folder() / name)
    return next((path for path in candidates if path.exists()), None)


def fetch_weights(known: KnownFile, *, on_bytes: OnBytes | None = None) -> Path:
    """Fetch a published file, check it, convert it into the user's cache.

    Raises:
        InputError: no network, a wrong checksum, or a cache that can't be written.
    """
    folder = _writable_cache()
    target = folder / f"{known.name}.safetensors"
    source = fetch_known(known, folder, on_bytes=on_bytes)
    try:
        convert_vgg19(source, target, channels=_stated_channels(known))
    finally:
        source.unlink(missing_ok=True)
    return target


def cache_folder() -> Path:
    """Return the user's cache for weights; ``JVST_CACHE`` moves it."""
    return user_cache("weights")


def _writable_cache() -> Path:
    """Return the user's cache, or a folder that lasts as long as the process."""
    return cache_folder() if not unwritable(cache_folder()) else Path(_temporary_folder().name)


@functools.cache
def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="jvst-weights-")


def _with_notice(found: Found, folder: Path) -> Found:
    if folder == cache_folder():
        return found
    said = f"{cache_folder()} can't be written; the network is converted anew each time"
    return found._replace(notice=f"{found.notice}; {said}" if found.notice else said)


def _stated_channels(known: KnownFile) -> Channels | None:
    """Return the order of the channels where the content may leave it open."""
    return known.channels if known.url.endswith((".pth", ".safetensors")) else None


def _described(path: Path) -> Found:
    description = describe(path)
    return Found(path, description["network"], description["notice"])


def _from_path(path: Path) -> Found:
    """Use a file as it is, or its conversion, kept in the user's cache by checksum."""
    if not path.exists():
        raise InputError(
            f"{path} does not exist; expected a file of VGG weights, or auto, vgg19, "
            "vgg19-normalised, embedded or another name of jvst weights list"
        )
    if read_published(path) is None:
        return _described(path)
    name = f"converted-{file_sha256(path)[:16]}.safetensors"
    if (cache_folder() / name).exists():
        return _described(cache_folder() / name)
    folder = _writable_cache()
    if not (folder / name).exists():
        convert_vgg19(path, folder / name)
    return _with_notice(_described(folder / name), folder)

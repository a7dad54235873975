"""Fetching: resumed, checked before use, and clear where it fails. The server is a thread here."""

import hashlib
import socket

import jax.numpy as jnp
import numpy as np
import pytest
from support import published_files as files
from support.file_server import Served, serve

from jvst.errors import InputError
from jvst.network.weights import EMBEDDED, PictureSet, find, find_weights, import_vgg19
from jvst.network.weights import known as known_files
from jvst.network.weights.convert import check_file
from jvst.network.weights.fetch import fetch_known
from jvst.network.weights.formats.detect import read_published
from jvst.network.weights.formats.tensor_file import read_metadata
from jvst.network.weights.known import KNOWN_FILES, KnownFile, known_by_sha256

CONTENT = np.random.default_rng(5).bytes(2_000_000)
KERNELS = files.random_kernels(1 / 16)


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No cache but one of the test's own, no checkout, no proxy."""
    monkeypatch.setenv("JVST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(find, "CHECKOUT_WEIGHTS", tmp_path / "checkout")
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)


def known(address, content=CONTENT, **changes):
    digest = hashlib.sha256(content).hexdigest()
    return (
        KNOWN_FILES[0]
        ._replace(url=f"{address}/file.bin", size=len(content), checksum=f"sha256:{digest}")
        ._replace(**changes)
    )


def closed_address():
    """An address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def left(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_fetched_file_is_what_was_sent(tmp_path):
    with serve(Served(CONTENT)) as address:
        path = fetch_known(known(address), tmp_path / "new")
    assert path.read_bytes() == CONTENT
    assert left(tmp_path / "new") == ["file.bin"]


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_each_kind_of_published_checksum_is_checked(kind, tmp_path):
    digest = hashlib.new(kind, CONTENT).hexdigest()
    with serve(Served(CONTENT)) as address:
        fetch_known(known(address, checksum=f"{kind}:{digest}"), tmp_path)
        wrong = f"{kind}:{digest[::-1]}"
        with pytest.raises(InputError, match="another checksum"):
            fetch_known(known(address, checksum=wrong), tmp_path / "wrong")
    assert left(tmp_path / "wrong") == []


def test_a_connection_that_breaks_is_taken_up_where_it_broke(tmp_path):
    served = Served(CONTENT, breaks_after=700_000, breaks=2)
    with serve(served) as address:
        assert fetch_known(known(address), tmp_path).read_bytes() == CONTENT
    assert served.asked[0] is None
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in served.asked[1:]]
    # Of what was sent last before a break up to one piece is lost.
    assert 680_000 < starts[0] <= 700_000
    assert 1_360_000 < starts[1] <= 1_400_000
    assert served.sent < len(CONTENT) + 40_000


def test_a_later_run_fetches_only_the_rest(tmp_path):
    served = Served(CONTENT, breaks_after=100_000, breaks=3)
    with serve(served) as address:
        with pytest.raises(InputError, match=r"broke off after 0\.3 MB; run the same again"):
            fetch_known(known(address), tmp_path)
        assert left(tmp_path) == ["file.bin.partial"]
        assert fetch_known(known(address), tmp_path).read_bytes() == CONTENT
    assert served.asked[-1] > "bytes=250000-"
    assert left(tmp_path) == ["file.bin"]


def test_a_server_that_sends_no_parts_sends_all_again(tmp_path):
    served = Served(CONTENT, ranges=False, breaks_after=700_000, breaks=1)
    with serve(served) as address:
        assert fetch_known(known(address), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", [b"x" * 1000, CONTENT + b"x", b"x" + CONTENT[1:]])
def test_what_was_left_by_something_else_is_not_used(wrong, tmp_path):
    (tmp_path / "file.bin.partial").write_bytes(wrong)
    with serve(Served(CONTENT)) as address:
        with pytest.raises(InputError, match="another checksum"):
            fetch_known(known(address), tmp_path)
        assert left(tmp_path) == []
        assert fetch_known(known(address), tmp_path).read_bytes() == CONTENT


def test_a_server_that_sends_too_much_is_cut_off(tmp_path):
    with serve(Served(CONTENT)) as address, pytest.raises(InputError, match="sends more than"):
        fetch_known(known(address, size=1_000_000), tmp_path)
    assert (tmp_path / "file.bin.partial").stat().st_size == 0


def test_errors_of_a_server_are_one_line(tmp_path):
    with serve(Served(CONTENT, status=404)) as address, pytest.raises(InputError, match="404"):
        fetch_known(known(address), tmp_path)


def test_without_a_network_there_is_a_clear_line(tmp_path):
    with pytest.raises(InputError, match=r"could not be reached.*connect to a network"):
        fetch_known(known(closed_address()), tmp_path)


def test_a_proxy_from_the_environment_is_asked(tmp_path, monkeypatch):
    served = Served(CONTENT)
    with serve(served) as address:
        monkeypatch.setenv("http_proxy", address)
        path = fetch_known(known("http://weights.invalid"), tmp_path)
    assert path.read_bytes() == CONTENT
    assert served.asked


def test_a_second_process_waits_for_its_turn(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    tmp_path.joinpath("file.bin.partial").touch()
    with tmp_path.joinpath("file.bin.partial").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="fetched by another process"):
            fetch_known(known(closed_address()), tmp_path)


def test_a_file_without_a_published_checksum_is_not_fetched(tmp_path):
    with pytest.raises(InputError, match="by hand"):
        fetch_known(known("http://x.invalid", checksum=""), tmp_path)
    assert not any(file.url and not file.checksum for file in KNOWN_FILES)


def test_the_published_files_are_told_by_their_checksums():
    digest = "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44"
    assert known_by_sha256(digest).channels == "RGB"
    assert known_by_sha256("d01eb7cb" + "0" * 56).channels == "BGR"
    assert known_by_sha256("0" * 64) is None


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A server that has the Keras file, under the name vgg19."""
    files.keras(tmp_path / "keras.h5", KERNELS)
    content = (tmp_path / "keras.h5").read_bytes()
    served = Served(content)
    with serve(served) as address:
        first = known(address, content)
        monkeypatch.setattr(known_files, "KNOWN_FILES", (first, *KNOWN_FILES[1:]))
        yield served


def test_auto_fetches_converts_and_keeps_the_oxford_weights(published, tmp_path):
    found = find_weights("auto")
    assert found.path == tmp_path / "cache" / "weights" / "vgg19.safetensors"
    assert (found.network, found.notice) == ("vgg19", "")
    assert left(found.path.parent) == ["vgg19.safetensors"]
    check_file(found.path)
    assert find_weights("auto") == find_weights("vgg19") == found
    assert len(published.asked) == 1


def test_a_file_in_the_checkout_is_taken_before_any_is_fetched(published, tmp_path):
    path = find_weights("vgg19").path
    (tmp_path / "checkout").mkdir()
    moved = path.rename(tmp_path / "checkout" / "vgg19.safetensors")
    assert find_weights("auto").path == moved


def test_a_wrong_checksum_converts_nothing(published, tmp_path, monkeypatch):
    published.content = published.content[:-1] + b"x"
    with pytest.raises(InputError, match="another checksum"):
        find_weights("vgg19")
    assert left(tmp_path / "cache" / "weights") == []


def test_auto_without_a_network_takes_the_embedded_network_and_says_so(tmp_path, monkeypatch):
    nowhere = known(closed_address())
    monkeypatch.setattr(known_files, "KNOWN_FILES", (nowhere,))
    found = find_weights("auto")
    assert (found.path, found.network) == (EMBEDDED, "embedded")
    assert "embedded network" in found.notice
    with pytest.raises(InputError, match="could not be reached"):
        find_weights("vgg19")
    assert find_weights("embedded").notice == ""


def test_a_path_is_converted_once_and_keeps_its_network(tmp_path):
    files.zip_pth(tmp_path / "mine.pth", files.torch_names(KERNELS))
    found = find_weights(str(tmp_path / "mine.pth"))
    assert found.network == "torchvision"
    assert "--channels BGR" in found.notice
    assert read_metadata(found.path)["source_sha256"] == find.file_sha256(tmp_path / "mine.pth")
    written = found.path.stat().st_mtime_ns
    assert find_weights(str(tmp_path / "mine.pth")) == found
    assert found.path.stat().st_mtime_ns == written
    assert find_weights(str(found.path)) == found


def test_a_missing_path_is_answered_with_what_there_is():
    with pytest.raises(InputError, match="vgg19-normalised"):
        find_weights("vgg-19")
    with pytest.raises(InputError, match="jvst weights convert"):
        find_weights("https://weights.invalid/model.safetensors")


@pytest.mark.slow
def test_normalised_weights_are_made_of_the_oxford_weights(published):
    chosen = PictureSet("grey", lambda: [jnp.full((24, 24, 3), 0.5)])
    found = find_weights("vgg19-normalised", pictures=chosen)
    assert found.network == "vgg19"
    assert read_metadata(found.path)["normalised"] == "grey"
    assert find_weights("vgg19-normalised", pictures=chosen) == found
    with pytest.raises(InputError, match="need pictures"):
        find_weights("vgg19-normalised")


@pytest.mark.parametrize("write", [files.tensor_file, files.zip_pth, files.legacy_pth])
def test_only_the_convolutions_of_a_file_on_a_server_are_sent(write, tmp_path):
    top = {"pre_logits.fc1.weight": np.ones((1000, 1000), np.float32)}
    write(tmp_path / "file", files.torch_names(KERNELS) | top)
    served = Served((tmp_path / "file").read_bytes())
    with serve(served) as address:
        found = read_published(f"{address}/model.safetensors")
    local = read_published(tmp_path / "file")
    for name, (kernel, bias) in local.kernels.items():
        np.testing.assert_array_equal(found.kernels[name][0], kernel)
        np.testing.assert_array_equal(found.kernels[name][1], bias)
    assert served.sent < 1_500_000 < len(served.content)


def test_a_file_on_a_server_is_refused_where_it_can_not_be_read_in_parts(tmp_path):
    files.tensor_file(tmp_path / "file", files.torch_names(KERNELS))
    content = (tmp_path / "file").read_bytes()
    whole = Served(content, ranges=False)
    with serve(whole) as address, pytest.raises(InputError, match="sends no parts"):
        import_vgg19(f"{address}/file")
    with serve(Served(content, status=403)) as address, pytest.raises(InputError, match="403"):
        import_vgg19(f"{address}/file")
    with serve(Served(content[:3000])) as address, pytest.raises(InputError, match="damaged"):
        import_vgg19(f"{address}/file")
    keras = Served(b"\x89HDF\r\n\x1a\n" + bytes(1000))
    with serve(keras) as address, pytest.raises(InputError, match="download it"):
        import_vgg19(f"{address}/file")
    with pytest.raises(InputError, match="could not be reached"):
        import_vgg19(f"{closed_address()}/file")


def test_every_known_file_is_named_once():
    assert len({file.name for file in KNOWN_FILES}) == len(KNOWN_FILES)
    assert all(isinstance(file, KnownFile) and file.licence for file in KNOWN_FILES)

"""The cache of flow fields: hits, damage, threads, processes, and its limit."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import jvst.flow.cache as cache_module
from jvst.errors import InputError
from jvst.flow import FlowCache, estimate_pair, read_flow

HEIGHT, WIDTH = 6, 9
FIELD_BYTES = 12 + HEIGHT * WIDTH * 8


class Counting:
    """An engine whose field tells which frames it came from, and that counts its calls."""

    name = "counting"

    def __init__(self, **settings):
        self.settings, self.calls = settings, 0
        self.lock = threading.Lock()

    def estimate_batch(self, images_from, images_to):
        with self.lock:
            self.calls += 1
        return np.stack([images_from[..., 0], images_to[..., 1]], -1).astype(np.float32)


def frames(count: int, seed: int = 0) -> list[np.ndarray]:
    shape = (count, HEIGHT, WIDTH, 3)
    return list(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def same(pair, expected) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(pair, expected, strict=True))


# hits and misses


def test_a_pair_is_computed_once_and_comes_back_bit_for_bit(tmp_path):
    engine, (a, b) = Counting(), frames(2)
    first = FlowCache(tmp_path, engine).pair(a, b)
    again = FlowCache(tmp_path, engine).pair(a.copy(), b.copy())
    assert engine.calls == 1
    assert same(again, first) and same(first, estimate_pair(Counting(), a, b))
    assert again[0].flags.writeable


def test_both_directions_are_kept_so_the_way_back_is_known(tmp_path):
    engine, (a, b) = Counting(), frames(2)
    cache = FlowCache(tmp_path, engine)
    there, back = cache.pair(a, b)
    assert same(cache.pair(b, a), (back, there)) and engine.calls == 1
    assert len(files(tmp_path)) == 2


def test_files_lie_two_levels_deep_and_are_plain_flo(tmp_path):
    a, b = frames(2)
    pair = FlowCache(tmp_path, Counting()).pair(a, b)
    for path in files(tmp_path):
        inner = path.relative_to(tmp_path)
        assert len(inner.parts) == 2 and len(inner.parts[0]) == 2 and path.suffix == ".flo"
    fields = [read_flow(path) for path in files(tmp_path)]
    assert any(np.array_equal(field, pair[0]) for field in fields)
    assert any(np.array_equal(field, pair[1]) for field in fields)


def test_a_changed_pixel_is_another_pair(tmp_path):
    engine, (a, b) = Counting(), frames(2)
    cache = FlowCache(tmp_path, engine)
    cache.pair(a, b)
    changed = b.copy()
    changed[-1, -1, -1] ^= 1
    cache.pair(a, changed)
    cache.pair(changed, b)
    assert engine.calls == 3


def test_frames_of_other_shapes_with_the_same_bytes_are_other_pairs(tmp_path):
    engine, (a, b) = Counting(), frames(2)
    cache = FlowCache(tmp_path, engine)
    cache.pair(a, b)
    flow, _ = cache.pair(a.reshape(WIDTH, HEIGHT, 3), b.reshape(WIDTH, HEIGHT, 3))
    assert engine.calls == 2 and flow.shape == (WIDTH, HEIGHT, 2)
    assert len(files(tmp_path)) == 4  # neither took the other's place


def test_settings_names_and_versions_have_fields_of_their_own(tmp_path, monkeypatch):
    a, b = frames(2)
    other = Counting(rounds=3)
    other.name = "other"
    engines = [Counting(rounds=3), Counting(rounds=4), other]
    for engine in engines:
        FlowCache(tmp_path, engine).pair(a, b)
    monkeypatch.setattr(cache_module, "FORMAT_VERSION", 10**6)
    FlowCache(tmp_path, engines[0]).pair(a, b)
    assert [engine.calls for engine in engines] == [2, 1, 1]


def test_views_and_copies_are_the_same_content(tmp_path):
    engine, (a, b) = Counting(), frames(2)
    cache = FlowCache(tmp_path, engine)
    cache.pair(a[:, ::-1], b[:, ::-1])
    cache.pair(a[:, ::-1].copy(), b[:, ::-1].copy())
    assert engine.calls == 1


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    engine, (a, b) = Counting(), frames(2)
    cache = FlowCache(None, engine)
    assert same(cache.pair(a, b), cache.pair(a, b))
    assert engine.calls == 2 and files(tmp_path) == [] and cache.stopped is None


def test_a_named_engine_gives_its_own_flow(tmp_path):
    a, b = (np.random.default_rng(n).integers(0, 256, (24, 32, 3), dtype=np.uint8) for n in (0, 1))
    expected = estimate_pair("dis", a, b)
    assert same(FlowCache(str(tmp_path), "dis").pair(a, b), expected)
    assert same(FlowCache(str(tmp_path), "dis").pair(a, b), expected)


def test_bad_arguments_are_refused_at_once(tmp_path):
    with pytest.raises(InputError, match="dis, deepflow"):
        FlowCache(tmp_path, "none")
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(InputError, match=r"flow cache .* can't be made"):
            FlowCache(place, "dis")


# damage


@pytest.mark.parametrize("damage", ["cut", "empty", "zeros", "another size"])
def test_a_damaged_file_is_computed_again_and_mended(tmp_path, damage):
    engine, (a, b) = Counting(), frames(2)
    cache = FlowCache(tmp_path, engine)
    expected = cache.pair(a, b)
    path = files(tmp_path)[0]
    whole = path.read_bytes()
    other = FlowCache(tmp_path / "other", engine)
    other.pair(a[:2], b[:2])
    bad = {
        "cut": whole[:-5],
        "empty": b"",
        "zeros": bytes(len(whole)),
        "another size": files(tmp_path / "other")[0].read_bytes(),
    }[damage]
    engine.calls = 0
    path.write_bytes(bad)
    assert cache.damaged == 0
    assert same(cache.pair(a, b), expected) and engine.calls == 1
    assert path.read_bytes() == whole and cache.damaged == 1
    assert same(cache.pair(a, b), expected) and engine.calls == 1


def test_a_lost_direction_is_computed_again(tmp_path):
    engine, (a, b) = Counting(), frames(2)
    cache = FlowCache(tmp_path, engine)
    expected = cache.pair(a, b)
    files(tmp_path)[1].unlink()
    assert same(cache.pair(a, b), expected) and engine.calls == 2 and len(files(tmp_path)) == 2


WRITER = """
import os, signal, sys
import numpy as np
from jvst.flow import FlowCache
a, b = np.random.default_rng(5).integers(0, 256, (2, 24, 32, 3), dtype=np.uint8)
if sys.argv[2] == "kill":
    os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
for _ in range(20):
    flow, back = FlowCache(sys.argv[1], "dis").pair(a, b)
    assert abs(flow).max() > 0
print(flow.tobytes().hex() + back.tobytes().hex())
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_nothing_that_is_read(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path), "kill"], check=False, timeout=300
    )
    assert run.returncode == -signal.SIGKILL
    (left,) = files(tmp_path)
    assert left.name.startswith(".jvst-")  # unfinished
    a, b = np.random.default_rng(5).integers(0, 256, (2, 24, 32, 3), dtype=np.uint8)
    assert same(FlowCache(tmp_path, "dis").pair(a, b), estimate_pair("dis", a, b))
    assert left.exists()  # it may belong to a writer that is alive
    os.utime(left, (time.time() - 7200,) * 2)
    FlowCache(tmp_path, "dis").pair(a, a)  # the first write counts the folder
    assert not left.exists()


@pytest.mark.slow
def test_two_processes_share_a_folder(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path), "live"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert outputs[0] == outputs[1] != ""
    assert len(files(tmp_path)) == 2


def test_threads_share_a_cache(tmp_path):
    engine, clip = Counting(), frames(6)
    cache = FlowCache(tmp_path, engine, limit_bytes=20 * FIELD_BYTES)
    pairs = [(a, b) for a in clip for b in clip if a is not b] * 3
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda pair: cache.pair(*pair), pairs))
    for pair, (a, b) in zip(got, pairs, strict=True):
        assert same(pair, estimate_pair(Counting(), a, b))
    assert cache.stopped is None
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 20 * FIELD_BYTES


# limits


def age(folder: Path, seconds: float) -> None:
    for path in files(folder):
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


def test_what_was_used_longest_ago_goes_first(tmp_path):
    engine, (a, b, c, d) = Counting(), frames(4)
    cache = FlowCache(tmp_path, engine, limit_bytes=5 * FIELD_BYTES)
    for other in (b, c):
        cache.pair(a, other)
        age(tmp_path, 100)
    cache.pair(a, b)  # used again: now a-c is the oldest
    age(tmp_path, 100)
    cache.pair(a, d)
    assert engine.calls == 3
    assert len(files(tmp_path)) == 4
    cache.pair(a, b)
    cache.pair(a, d)
    assert engine.calls == 3
    cache.pair(a, c)
    assert engine.calls == 4


def test_the_limit_counts_what_earlier_runs_left(tmp_path):
    clip = frames(6)
    for other in clip[1:5]:
        FlowCache(tmp_path, Counting()).pair(clip[0], other)
    age(tmp_path, 100)
    FlowCache(tmp_path, Counting(), limit_bytes=4 * FIELD_BYTES).pair(clip[0], clip[5])
    # 8 and the first new field are cut to 3, at most 9/10 of the limit; then the second comes.
    assert len(files(tmp_path)) == 4


def test_foreign_files_are_neither_counted_nor_removed(tmp_path):
    foreign = [tmp_path / "mine.flo", tmp_path / "ab" / "mine.flo", tmp_path / "xy" / "z.flo"]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(10 * FIELD_BYTES))
    a, b, c = frames(3)
    cache = FlowCache(tmp_path, Counting(), limit_bytes=3 * FIELD_BYTES)
    cache.pair(a, b)
    cache.pair(a, c)
    assert all(path.exists() for path in foreign) and len(files(tmp_path)) == 3 + 2


def test_a_hit_does_not_list_the_folder(tmp_path, monkeypatch):
    a, b = frames(2)
    cache = FlowCache(tmp_path, Counting())
    cache.pair(a, b)
    monkeypatch.setattr(cache_module, "_fields", lambda folder: pytest.fail("listed"))
    cache.pair(a, b)
    FlowCache(tmp_path, Counting()).pair(b, a)


def test_a_field_larger_than_the_limit_is_not_kept(tmp_path):
    engine, (a, b) = Counting(), frames(2)
    cache = FlowCache(tmp_path, engine, limit_bytes=10)
    assert same(cache.pair(a, b), cache.pair(a, b))
    assert engine.calls == 2 and files(tmp_path) == []


def test_a_full_disk_ends_the_writing_but_not_the_flow(tmp_path, monkeypatch):
    engine, (a, b, c) = Counting(), frames(3)
    cache = FlowCache(tmp_path, engine)
    kept = cache.pair(a, b)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert same(cache.pair(a, c), estimate_pair(Counting(), a, c))
    assert cache.stopped is not None and "No space left" in cache.stopped
    monkeypatch.undo()
    cache.pair(b, c)
    assert len(files(tmp_path)) == 2  # it stays stopped, and left no half file
    calls = engine.calls
    assert same(cache.pair(a, b), kept) and engine.calls == calls  # and still reads

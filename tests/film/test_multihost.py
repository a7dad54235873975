"""One shot over several hosts: two processes of this machine, joined by ``jax.distributed``."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# Five frames in batches of two, so that each process has one frame of a batch and the last is
# filled up; then again from the middle of the solve of frames 2 and 3 in the second pass.
WORK = """
import sys; sys.path.insert(0, {tests!r})
import itertools
import jax, numpy as np
from jax._src.distributed import global_state
from jax.experimental import multihost_utils
if {processes} > 1:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize("127.0.0.1:{port}", {processes}, {rank}, initialization_timeout=300)
    # gloo waits 30 s for the others, in which a busy machine may not have compiled: meet before.
    gather, meetings = multihost_utils.process_allgather, itertools.count()
    def meet_and_gather(*arguments, **options):
        client.wait_at_barrier(f"gather {{next(meetings)}}", 900_000)
        return gather(*arguments, **options)
    client, multihost_utils.process_allgather = global_state.client, meet_and_gather
from jvst import MultipassConfig
from support.several_passes import CLIP, stylize
assert len(jax.devices()) == 2 and jax.process_count() == {processes}
config = MultipassConfig(passes=2, pass_iterations=5, schedule="parallel", batch=2,
                         temporal_from=2, clip=CLIP)
kept = []
def keep(chunk):
    if (chunk.pass_number, chunk.indices, chunk.reports[0].iteration) == (2, (2, 3), 3):
        # Some as they are, shared out among the processes, some as a file would hold them.
        leaves = jax.tree.leaves(chunk.state)
        gathered = [multihost_utils.process_allgather(leaf, tiled=True) for leaf in leaves[4:]]
        kept.extend(leaves[:4] + gathered)
made = stylize(config, devices=jax.devices(), on_chunk=keep)
results = {{(frame.pass_number, frame.index): frame.image for frame in made[:7]}}
again = stylize(config, devices=jax.devices(), first_pass=2, position=2, results=results,
                resume=kept)
assert [frame[:2] for frame in again] == [(2, 2), (2, 3), (2, 4)]
np.savez({out!r}, images=np.stack([np.asarray(frame.image) for frame in made + again]),
         losses=[frame.info.reports[-1].loss for frame in made + again],
         iterations=[frame.info.iterations for frame in made + again])
"""


def work(folder, processes, limit=900):
    """What each of some processes, which have two devices together, makes of the same clip."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    environment = {
        **os.environ,
        "JAX_NUM_CPU_DEVICES": str(2 // processes),
        "JAX_PLATFORMS": "cpu",
    }
    started, paths = [], []
    try:
        for rank in range(processes):
            paths.append(folder / f"{processes}-{rank}.npz")
            code = WORK.format(
                tests=str(Path(__file__).parents[1]),
                processes=processes,
                port=port,
                rank=rank,
                out=str(paths[-1]),
            )
            command = [sys.executable, "-c", code]
            started.append(
                subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
            )
        for process in started:
            _, said = process.communicate(timeout=limit)
            assert process.returncode == 0, said[-2000:]
    finally:
        for process in started:
            process.kill()
            process.communicate()
    return [dict(np.load(path)) for path in paths]


@pytest.mark.slow
def test_two_processes_make_the_passes_of_one_bit_for_bit(tmp_path):
    (alone,) = work(tmp_path, 1)
    # Each device runs the same program on the same frame, whichever process it belongs to.
    for together in work(tmp_path, 2):
        for name, expected in alone.items():
            np.testing.assert_array_equal(together[name], expected, err_msg=name)
    # Continued in mid-solve it is the same, too: passes of five frames, then three again.
    np.testing.assert_array_equal(alone["images"][10:], alone["images"][7:10])
    assert np.all(alone["iterations"] == 5)

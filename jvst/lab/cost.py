"""A model of a run's time, disk and cost.

They grow with frames, pixels, passes and machines.

Every constant is either counted (operations, bytes) or measured on the machine in question and
given by whoever asks (``Machine``).
"""

from dataclasses import dataclass

#: Multiply-adds count as two. Convolutions of one loss and gradient through relu5_1 of VGG-19 at
#: full width, a pixel; the Gram matrices add about 5 % (see docs/benchmarks.md).
EVALUATION_FLOP = 1.05 * 1.44e6
#: Bytes a pixel: float32 RGB, 8-bit RGB as decoded, a painted picture as PNG at about two thirds.
STATE_BYTES, DECODED_BYTES, PICTURE_BYTES = 12, 3, 2
#: Bytes a pixel and pair of frames in the flow cache: two float32 numbers, both ways.
FLOW_BYTES = 16


@dataclass(frozen=True)
class Machine:
    """What one worker does.

    Attributes:
        name: what to call it.
        flops: operations a second that evaluations reach.
        overhead: part of a run's time that is not evaluations.
        start: seconds until the first iteration, compilation from the cache included.
        flow: seconds of one processor core for the flow of a pair, both ways, a megapixel.
        cores: processor cores that compute flow beside the solver.
        price: of an hour, in any currency; 0 to leave cost out.
    """

    name: str
    flops: float
    overhead: float = 0.1
    start: float = 60.0
    flow: float = 2.0
    cores: int = 8
    price: float = 0.0


@dataclass(frozen=True)
class Film:
    """What is to be painted.

    Attributes:
        frames: number of frames.
        width: pixels.
        height: pixels.
        shots: number of shots, which is also how far the work can be spread.
        network: part of full VGG-19's arithmetic: 1, or 0.0625 for the embedded network.
        first: evaluations of the first frame of a shot.
        later: evaluations of every other frame.
        passes: passes over the clip; 1 for the single pass.
        in_pass: evaluations of a frame in each of several passes.
    """

    frames: int
    width: int
    height: int
    shots: int = 1
    network: float = 1.0
    first: int = 1000
    later: int = 500
    passes: int = 1
    in_pass: int = 100

    @property
    def megapixels(self) -> float:
        """Size of a frame."""
        return self.width * self.height / 1e6


@dataclass(frozen=True)
class Estimate:
    """What a film costs.

    Attributes:
        evaluation: seconds of one loss and gradient.
        hours: from the command to the last frame, on all workers.
        flow_waits: whether the solver would wait for flow.
        machine_hours: of all workers.
        cost: ``machine_hours`` times the price.
        pictures: bytes of painted pictures.
        states: bytes of float states, if all are kept.
        flow: bytes of the flow of all pairs; the cache's limit caps it.
        traffic: bytes a second that all workers together read and write: clip and pictures.
        flow_traffic: the same for flow, written to a cache and read from it once.
        frame: seconds of a frame on one worker.
    """

    evaluation: float
    frame: float
    hours: float
    flow_waits: bool
    machine_hours: float
    cost: float
    pictures: float
    states: float
    flow: float
    traffic: float
    flow_traffic: float


def evaluation_seconds(film: Film, machine: Machine) -> float:
    """Return the time of one loss and gradient."""
    return EVALUATION_FLOP * film.network * film.megapixels * 1e6 / machine.flops


def estimate(film: Film, machine: Machine, workers: int = 1, *, stay: bool = False) -> Estimate:
    """Estimate a film on some workers.

    The longest chain is a shot, as frames of one shot wait for each other: with fewer shots than
    workers some stand idle. Shots are taken to be of equal length.

    Args:
        film: the film.
        machine: one worker.
        workers: how many of them.
        stay: a worker starts once, as with ``--jobs``, and not for every shot, as in a cluster.
    """
    evaluations = (
        film.passes * film.in_pass * film.frames
        if film.passes > 1
        else film.shots * film.first + (film.frames - film.shots) * film.later
    )
    evaluation = evaluation_seconds(film, machine)
    work = evaluations * evaluation / (1.0 - machine.overhead)  # of all workers, seconds
    rounds = -(-film.shots // workers)
    seconds = rounds * work / film.shots + (1 if stay else rounds) * machine.start
    flow_seconds = machine.flow * film.megapixels / machine.cores  # a pair
    a_frame = work / film.frames
    pixels = film.frames * film.megapixels * 1e6
    busy = min(workers, film.shots)
    return Estimate(
        evaluation=evaluation,
        hours=seconds / 3600,
        flow_waits=flow_seconds > a_frame,
        machine_hours=workers * seconds / 3600,
        cost=workers * seconds / 3600 * machine.price,
        pictures=PICTURE_BYTES * pixels,
        states=STATE_BYTES * pixels,
        flow=FLOW_BYTES * pixels,
        frame=a_frame,
        traffic=busy * (DECODED_BYTES + PICTURE_BYTES) * film.megapixels * 1e6 / a_frame,
        flow_traffic=busy * 2 * FLOW_BYTES * film.megapixels * 1e6 / a_frame,
    )

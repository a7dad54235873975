"""The options of a run, as one frozen dataclass.

The command line is made of it.
"""

import dataclasses
import math
import os
from typing import Annotated, Any, Literal

import tyro

from jvst.core.masks import MaskKnobs, knobs_of
from jvst.errors import InputError
from jvst.solver.objective import STYLE_LAYERS

#: How much time a frame is given, see ``app.effort``.
Effort = Literal["auto", "instant", "draft", "normal", "high", "paper"]

SMALLEST_SIDE = 32  # pixels; relu5_1 halves the picture four times
LARGEST_SIDE = 16384  # pixels; what H.264 can hold, and more than any memory


@dataclasses.dataclass(frozen=True)
class InputOptions:
    """What goes in."""

    clip: Annotated[str | tuple[str, ...], tyro.conf.arg(metavar="CLIP [CLIP ...]")] = ""
    """Video file, folder of frames, or pattern such as 'frames/%04d.png' or 'frames/*.png'. Each
    of several clips is a run of its own."""
    style: tuple[str, ...] = ()
    """Painting, or several to blend."""
    style_blend: tuple[float, ...] = ()
    """Share of each painting; equal when left out."""
    frames: str = ""
    """Part of the clip, A:B, counted from 0, B left out; either end may be empty."""
    cuts: str = "auto"
    """Where new shots begin, over which nothing is carried: auto (found), none, numbers such as
    24,48 (counted from 0 in the part that is stylized), or a file of them."""
    cut_sensitivity: float = 0.5
    """How readily auto finds cuts, 0 to 1."""
    size: str = ""
    """Size of the result, WIDTHxHEIGHT in pixels; the clip's own when left out."""
    max_side: int = 0
    """Largest length of the longer side, in pixels; larger frames are shrunk. 0: no limit."""
    frame_rate: float = 0.0
    """Frames per second of the video. A clip that has times of its own keeps its speed: frames are
    repeated or left out. Pictures are shown at this rate. 0: every frame at its own time, pictures
    25 a second."""
    video_stream: int | None = None
    """Which video stream of the clip, counted from 0; the file's default when left out."""
    audio_stream: int | None = None
    """Which sound of the clip, counted from 0; the file's default when left out."""

    @property
    def clips(self) -> tuple[str, ...]:
        """All clips that were given; a run has one."""
        return (self.clip,) if isinstance(self.clip, str) else self.clip


@dataclasses.dataclass(frozen=True)
class OutputOptions:
    """What comes out."""

    output: str = ""
    """Video (.mp4 .mov .mkv .webm .gif), folder or %d pattern, in which {clip} stands for the
    clip's name (several clips need it); RUN_DIR/stylized.mp4 when left out."""
    run_dir: str = ""
    """Folder of the run: states, pictures, manifest; runs/CLIP-STYLE when left out. Each of several
    clips has a folder in it."""
    quality: int = 18
    """Quality of the video, 0 (lossless) to 51 (worst)."""
    audio: bool = True
    """Keep the clip's sound (--no-audio leaves it out)."""


@dataclasses.dataclass(frozen=True)
class LookOptions:
    """How it looks."""

    preset: Literal["auto", "450x350", "768x432", "1024x436"] = "auto"
    """Published loss weights: 450x350, 768x432, 1024x436, or auto, interpolated by pixels."""
    content_weight: float | None = None
    """Weight of the content, α; the preset's when left out."""
    style_weight: float | None = None
    """Weight of the style, β; the preset's when left out."""
    temporal_weight: float | None = None
    """Weight of the temporal term, γ; the preset's when left out."""
    tv_weight: float | None = None
    """Weight of the total variation; the preset's when left out."""
    style_scale: float = 1.0
    """Size of the painting relative to the frame (side to side): larger makes larger strokes."""
    content_layers: tuple[str, ...] = ()
    """Layers that compare the content; the network's when left out (relu4_2 for VGG-19)."""
    style_layers: tuple[str, ...] = STYLE_LAYERS
    """Layers that compare the style."""
    style_statistic: Literal["gram", "wasserstein"] = "gram"
    """What of them is compared: Gram matrices (the paper), or mean and covariance by the
    Wasserstein distance of Gaussians."""


@dataclasses.dataclass(frozen=True)
class NetworkOptions:
    """The network that looks at the pictures."""

    weights: str = "auto"
    """auto, vgg19, vgg19-normalised, embedded, another name of `jvst weights list`, or a file."""
    normalise_on: str = ""
    """Folder of pictures over which to bring every filter to mean activation 1."""
    pooling: Literal["auto", "max", "average"] = "auto"
    """max, average, or auto: as fits the network."""
    precision: Literal["auto", "float32", "tf32", "bfloat16"] = "auto"
    """Arithmetic of the convolutions: float32, tf32, bfloat16, or auto: float32 on CPUs, elsewhere
    tf32 for the embedded network and bfloat16 for others."""


@dataclasses.dataclass(frozen=True)
class MotionOptions:
    """Optical flow and the trust in it."""

    flow: str = "auto"
    """dis (fast), epic (best, slower), auto (epic beside a long solve on the CPU, dis beside a
    shorter one), deepflow, deepmatching, epicflow, or files:PATTERN for fields computed elsewhere,
    such as 'files:flow/backward_[%d]_{%d}.flo'."""
    flow_scale: float = 1.0
    """Compute flow at this part of the size and scale it up: faster and coarser."""
    mask: str = "photometric"
    """photometric (which asks the frames whether a motion boundary matters), binary (the paper),
    soft (its Torch code), ijcv (its sequel), or files:PATTERN for masks made elsewhere, such as
    'files:flow/reliable_[%d]_{%d}.pgm'."""
    mask_weights: tuple[float, ...] = (1.0,)
    """How much disoccluded, outside and motion boundary count, 0 to 1; one number for all."""
    mask_dilate: tuple[int, ...] = (0,)
    """Pixels by which the area of each of the three grows."""
    mask_blur: tuple[float, ...] = (0.0,)
    """Standard deviation in pixels by which the edge of each of the three is softened."""
    kernel: Literal["auto", "bilinear", "catmull-rom"] = "auto"
    """How the last picture is read along the flow: bilinear (the paper), which softens the film;
    catmull-rom, which keeps it sharp; auto: the effort's."""
    flow_cache: str = ""
    """Folder that keeps computed flow; the user's cache when left out, 'none' for no cache."""
    flow_workers: int = 2
    """Threads that compute flow ahead of the solver."""


@dataclasses.dataclass(frozen=True)
class TimeOptions:
    """How the clip is held together over time."""

    lags: tuple[int, ...] = (1,)
    """Distances to the earlier frames that a frame is tied to; the paper's long-term terms:
    1 10 20 40. Not with several passes, which in the paper, too, look at direct neighbours only."""
    long_term_after: int | None = None
    """Iterations before the longer lags join; once the nearest has converged when left out."""
    passes: int = 1
    """Number of passes over the whole clip, forward and backward in turn (the paper: 10); 1: one
    pass, frame after frame."""
    pass_iterations: int = 100
    """Cap of each frame in each of several passes."""
    blend: float = 0.5
    """Share of the warped neighbour in a frame's start in each of several passes."""
    temporal_from: int | None = None
    """First of several passes with the temporal term; the Torch code's 8 of 15 in proportion when
    left out."""
    schedule: Literal["sequential", "parallel"] = "sequential"
    """sequential (the paper: frame after frame) or parallel (a whole pass at once)."""
    batch: int = 0
    """Frames solved at once where they don't depend on each other; 0: as fits the device."""


@dataclasses.dataclass(frozen=True)
class SolverOptions:
    """How each frame is minimized."""

    effort: Effort = "auto"
    """Time for quality: instant (a pass a frame, no solve), draft, normal, high, paper (as in the
    paper: from noise, nothing carried over but the picture), or auto: normal on CPUs, high on GPUs
    and TPUs. Each option that it chooses for you can be given as well, and wins."""
    iterations: Annotated[tuple[int, ...], tyro.conf.arg(metavar="FIRST LATER")] = ()
    """Caps: for the first frame, and for each later one; the effort's when left out."""
    init: Literal["auto", "noise", "content", "colours", "onepass"] = "auto"
    """Where a frame starts that is tied to no other: noise (the paper); content; colours, its
    content in the painting's; onepass, the frame painted in one pass; auto: the effort's."""
    scales: tuple[str, ...] = ("auto",)
    """Sizes at which a frame from noise is solved first, as parts of its own: 0.25 0.5; none; or
    auto."""
    optimizer: Literal["lbfgs", "adam"] = "lbfgs"
    """lbfgs or adam."""
    tolerance: float | None = None
    """Stop a frame once its loss changes by less than this part over 50 iterations; 0.0001 when
    left out."""
    carry: int | None = None
    """Steps of the frame before with which the solve of the next begins, warped along the flow; 0:
    none; the effort's when left out."""
    seed: int = 0
    """Seed of the noise."""
    tile: str = "auto"
    """Side in pixels of the part that the network sees at a time; auto: the whole frame, or what
    fits the memory."""


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """The run itself."""

    demo: bool = False
    """Draw a clip and a painting of our own and stylize them."""
    fresh: bool = False
    """Begin again in a run folder that holds another or an older run."""
    quiet: bool = False
    """No progress bar."""
    keep: Literal["pictures", "all"] = "pictures"
    """pictures, or all: also each frame's float array, 12 bytes a pixel."""
    jobs: int = 1
    """Shots worked on at once, each in another process."""
    cluster: str = ""
    """Work on shots in a Ray cluster: auto, or its ADDRESS; run folder and inputs must be on
    storage that all its machines see."""
    preview: int = 0
    """Number of iterations after which RUN_DIR/preview.png is written again; 0: never written."""
    report: bool = True
    """Write RUN_DIR/report.html at the end (--no-report leaves it out)."""
    config: str = ""
    """manifest.json of an earlier run, whose options to start from."""


@tyro.conf.configure(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
@dataclasses.dataclass(frozen=True)
class StylizeConfig:
    """Turn a clip into a moving painting."""

    input: InputOptions = InputOptions()
    output: OutputOptions = OutputOptions()
    look: LookOptions = LookOptions()
    network: NetworkOptions = NetworkOptions()
    motion: MotionOptions = MotionOptions()
    time: TimeOptions = TimeOptions()
    solver: SolverOptions = SolverOptions()
    run: RunOptions = RunOptions()


# What the user may change between two commands that work on the same frames.
_NO_EFFECT_ON_FRAMES = {
    "output": {"output", "run_dir", "quality", "audio"},
    "motion": {"flow_cache", "flow_workers"},
    # It counts by what it comes to, see ``Task.manifest``.
    "solver": {"effort"},
    "run": {"demo", "fresh", "quiet", "config", "keep", "jobs", "cluster", "preview", "report"},
    # What was found or given is an option of its own, ``cuts``: a list of frames.
    # Clip, paintings and weights count by their content, see ``Task.manifest``.
    "input": {"frame_rate", "cuts", "cut_sensitivity", "audio_stream", "clip", "style"},
    "network": {"weights", "normalise_on"},
}
#: Options that once counted by what was typed, in manifests that are still there.
BY_CONTENT = frozenset({"clip", "style", "weights", "normalise_on"})


def frame_options(config: StylizeConfig) -> dict[str, Any]:
    """Return the options that the stylized frames depend on, flat, by name."""
    chosen: dict[str, Any] = {}
    for group, options in dataclasses.asdict(config).items():
        for name, value in options.items():
            if name not in _NO_EFFECT_ON_FRAMES.get(group, set()):
                chosen[name] = list(value) if isinstance(value, tuple) else value
    return {**chosen, "flow": resolved(chosen["flow"]), "mask": resolved(chosen["mask"])}


def resolved(choice: str) -> str:
    """Return a pattern of files as the system finds it from anywhere; another choice as it is."""
    pattern = choice.removeprefix("files:")
    return choice if pattern == choice else f"files:{os.path.abspath(pattern)}"  # noqa: PTH100


def config_from_dict(groups: dict[str, dict[str, Any]], *, source: str) -> StylizeConfig:
    """Rebuild the options that a manifest holds.

    Args:
        groups: option group -> name -> value, as ``dataclasses.asdict`` and JSON leave them.
        source: where they were read, for the message.

    Raises:
        InputError: an option that this version does not know.
    """
    fields = {field.name: field for field in dataclasses.fields(StylizeConfig)}
    built = {}
    for group, options in groups.items():
        kind = fields[group].type if group in fields else None
        kind = getattr(kind, "__origin__", kind)
        known = {f.name for f in dataclasses.fields(kind)} if kind else set()  # type: ignore
        if kind is None or not set(options) <= known:
            unknown = group if kind is None else sorted(set(options) - known)[0]
            raise InputError(f"{source} holds the option {unknown!r}, unknown to this version")
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
        built[group] = kind(**values)  # type: ignore[operator]
    return StylizeConfig(**built)


def mask_knobs(motion: MotionOptions) -> MaskKnobs:
    """Return the knobs on the mask.

    Raises:
        InputError: numbers out of range, or not one or three of them.
    """
    return knobs_of(weights=motion.mask_weights, dilate=motion.mask_dilate, blur=motion.mask_blur)


def coarse_factors(scales: tuple[str, ...]) -> tuple[float, ...] | None:
    """Read ``--scales``.

    Returns:
        Parts of the sides; None for auto.

    Raises:
        InputError: words, or numbers that are not between 0 and 1.
    """
    if scales == ("auto",):
        return None
    if scales == ("none",):
        return ()
    try:
        factors = tuple(float(scale) for scale in scales)
    except ValueError:
        factors = (math.nan,)
    if not (factors and all(0.0 < factor <= 1.0 for factor in factors)):
        given = " ".join(scales)
        raise InputError(f"`scales` is {given!r}; expected auto, none, or numbers such as 0.25 0.5")
    return tuple(factor for factor in factors if factor < 1.0)


def frame_range(text: str) -> tuple[int, int | None]:
    """Read ``A:B``.

    Raises:
        InputError: text of another form, or an empty range.
    """
    if not text:
        return 0, None
    first, colon, last = text.partition(":")
    try:
        if not colon:
            raise ValueError
        start, stop = int(first or 0), int(last) if last else None
    except ValueError as error:
        raise InputError(f"`frames` is {text!r}; expected A:B, such as 0:48") from error
    if start < 0 or (stop is not None and stop <= start):
        raise InputError(f"`frames` is {text!r}; expected 0 ≤ A < B")
    return start, stop


def size_of(text: str, option: str = "`size`") -> tuple[int, int]:
    """Read ``WIDTHxHEIGHT``.

    Raises:
        InputError: text of another form, or sides under 32 pixels.
    """
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise InputError(f"{option} is {text!r}; expected WIDTHxHEIGHT, such as 450x350")
    digits = len(str(LARGEST_SIDE))
    if max(len(width), len(height)) > digits or max(int(width), int(height)) > LARGEST_SIDE:
        raise InputError(
            f"{option} is {text[:40]!r}; expected at most {LARGEST_SIDE} pixels a side"
        )
    size = int(width), int(height)
    if min(size) < SMALLEST_SIDE:
        raise InputError(f"{option} is {text!r}; expected at least {SMALLEST_SIDE} pixels a side")
    return size


def frame_size(config: StylizeConfig, width: int, height: int) -> tuple[int, int]:
    """Return the (width, height) to work at, from the clip's own.

    Raises:
        InputError: a size that can't be read, or sides under 32 pixels.
    """
    if config.input.size:
        return size_of(config.input.size)
    if 0 < config.input.max_side < max(width, height):
        scale = config.input.max_side / max(width, height)
        width, height = round(width * scale), round(height * scale)
    if min(width, height) < SMALLEST_SIDE:
        raise InputError(
            f"frames of {width}x{height} pixels are too small; expected at least "
            f"{SMALLEST_SIDE} a side (see `size`)"
        )
    return width, height

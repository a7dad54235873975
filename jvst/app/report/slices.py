"""Slices of a clip: x across, time down."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from jvst._types import Frame

#: Rows that may be shown, as parts of the height; the one where most moves is chosen at the end,
#: the middle where nothing does.
_HEIGHTS = (1 / 2, 1 / 3, 2 / 3, 1 / 6, 5 / 6)
#: Frames that are shown at most: both slices still stand on one screen.
_LONGEST = 400
#: Pixels across at most.
_WIDEST = 960

Rows = UInt8[np.ndarray, "t w 3"]


class Slices:
    """Rows of the input and of the output at the same few heights.

    Frames aren't thinned out: two frames that aren't neighbours always differ, and flicker could
    no longer be told from motion. Of a longer clip the middle is shown.

    Args:
        count: how many frames there will be.
    """

    def __init__(self, count: int):
        self.first = max(count - _LONGEST, 0) // 2
        self._rows: list[tuple[list[np.ndarray], list[np.ndarray]]] = []
        self._motion = np.zeros(len(_HEIGHTS))
        self._shape = (1, 1)

    def add(
        self,
        index: int,
        source: Frame,
        output: Frame,
        motion: Float32[np.ndarray, "h w"] | None,
    ) -> None:
        """Take a frame's rows.

        Args:
            index: the frame's, from 0.
            source: the input.
            output: the same frame, stylized.
            motion: length of the motion at each pixel; None where it isn't known.
        """
        if not self.first <= index < self.first + _LONGEST:
            return
        self._shape = source.shape[:2]
        height = source.shape[0]
        places = [int(part * height) for part in _HEIGHTS]
        self._rows.append(
            ([_row(source, y) for y in places], [_row(output, y) for y in places]),
        )
        if motion is not None:
            reach = max(height // 12, 1)
            bands = [motion[max(y - reach, 0) : y + reach + 1].mean() for y in places]
            self._motion += np.asarray(bands, np.float64)

    @property
    def height(self) -> int:
        """The row that is shown, from 0 at the top."""
        return int(_HEIGHTS[self._chosen] * self._shape[0])

    @property
    def width(self) -> int:
        """Width of the frames in pixels; a slice may be narrower."""
        return self._shape[1]

    @property
    def _chosen(self) -> int:
        # The first of equals is the middle.
        return int(np.argmax(self._motion))

    def pictures(self) -> tuple[Rows, Rows]:
        """Return the slices of input and output, one row a frame."""
        chosen = self._chosen
        return (
            np.stack([rows[0][chosen] for rows in self._rows]),
            np.stack([rows[1][chosen] for rows in self._rows]),
        )


def _row(picture: Frame, y: int) -> UInt8[np.ndarray, "_w 3"]:
    """Return one row, shrunk where it is wider than a page."""
    row = picture[y : y + 1]
    if row.shape[1] > _WIDEST:
        row = cv2.resize(row, (_WIDEST, 1), interpolation=cv2.INTER_AREA)
    return row[0].copy()  # a view would keep the whole frame in memory

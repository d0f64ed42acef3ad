"""Range of the samples of a band, found by one look at all of them."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.product import Band
from s1card.window import Window

ROWS, COLS = 256, 2048
"""Size of the parts that are read at a time."""

_BINS = 1 << 16


@dataclass(frozen=True, eq=False)
class SampleRange:
    """What is known of the samples of a band; NaN where it has none.

    Attributes:
        least: Least one.
        greatest: Greatest one.
        counts: How many there are in each of the bins, whose ends are float32 numbers of 8 significant bits.
    """

    least: float
    greatest: float
    counts: NDArray[np.int64]

    def share(self, part: float) -> float:
        """The number that a share of the samples does not exceed, to 0.4 percent of itself."""
        total = np.cumsum(self.counts)
        if total[-1] == 0:
            return math.nan
        wanted = part * total[-1]
        index = int(np.searchsorted(total, max(wanted, 1.0), side="left"))
        before = total[index] - self.counts[index]
        low, high = _edges(index)
        value = low + (high - low) * (wanted - before) / self.counts[index]
        return float(min(max(value, self.least), self.greatest))


class BandRange:
    """The range of a band, found when it is first asked for; thread safe."""

    def __init__(self, band: Band, whole: Window) -> None:
        self._band, self._whole = band, whole
        self._lock = threading.Lock()
        self._found: SampleRange | None = None

    def evaluate(self) -> SampleRange:
        """The range of all samples."""
        with self._lock:
            if self._found is None:
                self._found = self._look()
            return self._found

    def _look(self) -> SampleRange:
        least, greatest, counts = math.inf, -math.inf, np.zeros(_BINS, np.int64)
        for part in self._whole.tiles(ROWS, COLS):
            samples = self._band.read(part)
            held = samples[present(samples, self._band.nodata)].astype(np.float32)
            if held.size:
                least, greatest = min(least, float(held.min())), max(greatest, float(held.max()))
                counts += np.bincount(_bins(held), minlength=_BINS)
        if not counts.any():
            least = greatest = math.nan
        return SampleRange(least, greatest, counts)


def present(samples: NDArray[np.generic], nodata: float | None) -> NDArray[np.bool_]:
    """Which samples are data: finite, and not the value for no data."""
    finite = np.isfinite(samples) if samples.dtype.kind == "f" else np.ones(samples.shape, np.bool_)
    return np.asarray(finite if nodata is None or math.isnan(nodata) else finite & (samples != nodata))


def _bins(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Numbers of bins, growing with the values: the first 16 bits of a float, negative ones turned around."""
    bits = (values + np.float32(0.0)).view(np.uint32)
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return (ordered >> 16).astype(np.int64)


def _edges(index: int) -> tuple[float, float]:
    """Ends of a bin."""
    ends = []
    for ordered in (index << 16, (index << 16) + 0xFFFF):
        bits = ordered & 0x7FFFFFFF if ordered >> 31 else ~ordered & 0xFFFFFFFF
        ends.append(float(np.array([bits], np.uint32).view(np.float32)[0]))
    return ends[0], ends[1]

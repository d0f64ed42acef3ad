"""Statistics of a band, gathered tile by tile and the same for every order of arrival."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@dataclass(frozen=True)
class BandStatistics:
    """Statistics of the valid samples (finite and not nodata) of a band at full resolution.

    Attributes:
        count: Number of valid samples.
        total: Number of samples.
        minimum, maximum, mean, std: In the band's unit, NaN without valid samples; the standard
            deviation is that of the population (divisor ``count``).
    """

    count: int
    total: int
    minimum: float
    maximum: float
    mean: float
    std: float

    @property
    def valid_percent(self) -> float:
        """Share of valid samples in percent."""
        return 100.0 * self.count / self.total


@dataclass(frozen=True, slots=True)
class TileMoments:
    """Moments of a tile.

    ``blank`` counts samples that equal nodata, ``count`` the valid ones (neither nodata nor
    infinite), ``squares`` is the sum of squared deviations from ``mean``.
    """

    blank: int
    count: int
    minimum: float
    maximum: float
    mean: float
    squares: float


def tile_moments(tile: NDArray[Any], rows: int, cols: int, nodata: float | None) -> TileMoments:
    """Moments of the upper left ``rows`` x ``cols`` samples of a C-contiguous tile."""
    value = math.nan if nodata is None else nodata
    return TileMoments(*_moments(tile, rows, cols, value, nodata is not None))


@njit(cache=True, nogil=True)
def _moments(
    tile: NDArray[Any], rows: int, cols: int, nodata: float, has_nodata: bool
) -> tuple[int, int, float, float, float, float]:
    blank, count = 0, 0
    low, high = math.inf, -math.inf
    pivot = math.nan  # deviations from the first valid sample keep the squares free of cancellation
    total, squares = 0.0, 0.0
    nodata_is_nan = math.isnan(nodata)
    for row in range(rows):
        for col in range(cols):
            value = np.float64(tile[row, col])
            if value == nodata or (nodata_is_nan and math.isnan(value)):
                blank += 1
            elif not math.isfinite(value):
                continue
            else:
                if count == 0:
                    pivot = value
                count += 1
                low = min(low, value)
                high = max(high, value)
                deviation = value - pivot
                total += deviation
                squares += deviation * deviation
    if not has_nodata:
        blank = 0
    if count == 0:
        return blank, 0, math.nan, math.nan, math.nan, 0.0
    return blank, count, low, high, pivot + total / count, max(0.0, squares - total * total / count)


def combine(tiles: Iterable[TileMoments], total: int) -> BandStatistics:
    """Statistics of a band from those of its tiles, which must come in a fixed order.

    Pairwise update of mean and squared deviations: Chan, Golub and LeVeque (1983), eq. 2.1.

    Args:
        tiles: Moments of all tiles, row by row.
        total: Number of samples of the band.
    """
    count, mean, squares = 0, 0.0, 0.0
    low, high = math.inf, -math.inf
    for tile in tiles:
        if tile.count == 0:
            continue
        merged = count + tile.count
        delta = tile.mean - mean
        mean += delta * tile.count / merged
        squares += tile.squares + delta * delta * count * tile.count / merged
        count, low, high = merged, min(low, tile.minimum), max(high, tile.maximum)
    if count == 0:
        return BandStatistics(0, total, math.nan, math.nan, math.nan, math.nan)
    return BandStatistics(count, total, low, high, mean, float(np.sqrt(squares / count)))

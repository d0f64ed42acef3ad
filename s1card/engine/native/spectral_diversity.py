"""The azimuth offset of a pair from the phase between its interferograms in the overlap of two bursts.

Both bursts see the ground of their overlap, at different Doppler frequencies. Where the secondary is read ``y`` lines
before its place, its phase is short of that place by its frequency times the time between, in both bursts, so that the
phase of interferogram 1 minus that of interferogram 2 is ``2 pi (f1 - f2) line_interval y`` (Prats-Iraola et al., IEEE
TGRS 50(8), 2012; Yague-Martinez et al., IEEE GRSL 14(7), 2017). All that is the same in both bursts, ground, atmosphere
and orbit, cancels.

Interferograms are averaged over cells before the difference is taken: it then suffers from the decorrelation of many
looks instead of that of one, twice. A shift by a period, ``1 / ((f1 - f2) line_interval)`` or about 0.1 lines, cannot
be told from none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.engine.native.burst_overlaps import CELL_LINES, CELL_PIXELS
from s1card.engine.native.offset import Offset, mean_offset
from s1card.engine.native.stack_images import Image

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Complex = NDArray[np.complex64]
Mask = NDArray[np.bool_]

FEWEST_CELLS = 4
"""Fewer say nothing about their scatter."""

WEIGHTS = {"None": 0.0, "Linear": 1.0, "Quadratic": 2.0, "Inv Quadratic": 0.5}
"""The power of the coherence by which a cell is weighted, by SNAP's name; its "inverse quadratic" is the root."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of an overlap in which both bursts have data.

    Attributes:
        phase: Of interferogram 1 times conjugate interferogram 2, rad.
        coherence: Geometric mean of those of both.
        slope: By how much a line of offset turns the phase, rad.
    """

    phase: Floats
    coherence: Floats
    slope: Floats

    @classmethod
    def joined(cls, parts: Sequence[Cells]) -> Cells:
        """Those of several parts."""
        return cls(
            np.concatenate([part.phase for part in parts]),
            np.concatenate([part.coherence for part in parts]),
            np.concatenate([part.slope for part in parts]),
        )


@dataclass(frozen=True)
class BlockEstimator:
    """How the offset of a block is estimated.

    Attributes:
        threshold: Coherence that a cell must exceed.
        weight: A name of `WEIGHTS`.
        is_periodogram: Whether the offset is that at which all cells agree best (the maximum of the periodogram), or
            the mean phase by the mean slope.
    """

    threshold: float
    weight: str
    is_periodogram: bool

    def estimate(self, cells: Cells) -> BlockOffset | None:
        """The offset of a block within half a period of zero; None where too few cells are coherent, or none agree."""
        good = cells.coherence > self.threshold
        if np.count_nonzero(good) < FEWEST_CELLS:
            return None
        phase, slope = cells.phase[good], cells.slope[good]
        weight = cells.coherence[good] ** WEIGHTS[self.weight]
        value = _by_means(phase, slope, weight)
        if self.is_periodogram:
            value = _by_periodogram(phase, slope, weight, value)
        deviation = _deviation(phase, slope, weight, value)
        if deviation is None:
            return None
        offset = Offset(value, deviation, int(phase.size))
        return BlockOffset(offset, _sum(weight), _sum(weight, slope) / _sum(weight))


@dataclass(frozen=True)
class BlockOffset:
    """What a block says.

    Attributes:
        offset: In lines.
        weight: Sum of the weights of its cells.
        slope: Their mean, rad per line.
    """

    offset: Offset
    weight: float
    slope: float


def cells_of(first: tuple[Image, Image], second: tuple[Image, Image], separation: Floats) -> Cells:
    """Cells of a pair of images in an overlap, of all polarizations that both have.

    Args:
        first, second: The images as the first and as the second burst have them, of whole cells.
        separation: Doppler frequency in the first minus that in the second burst, in cycles per line, of every cell.
    """
    parts = []
    for polarization in (p for p in first[0].samples if p in first[1].samples):
        cross, power = _products(first, polarization)
        other, other_power = _products(second, polarization)
        good = (power > 0.0) & (other_power > 0.0)
        cross, other = cross[good], other[good]
        coherence = np.sqrt(np.abs(cross) * np.abs(other) / np.sqrt(power[good] * other_power[good]))
        parts.append(Cells(np.angle(cross * np.conj(other)), coherence, 2.0 * math.pi * separation[good]))
    return Cells.joined(parts)


def combined(blocks: Sequence[BlockOffset]) -> Offset | None:
    """The offset of a pair from those of its blocks, which may differ by periods; None without any."""
    if not blocks:
        return None
    turns = [block.weight * np.exp(1j * block.offset.value * block.slope) for block in blocks]
    slope = sum(block.weight * block.slope for block in blocks) / sum(block.weight for block in blocks)
    middle = float(np.angle(np.sum(turns))) / slope
    offsets = []
    for block in blocks:
        period = 2.0 * math.pi / abs(block.slope)
        offsets.append(block.offset.moved(-period * round((block.offset.value - middle) / period)))
    return mean_offset(offsets, [block.weight for block in blocks])


def _sum(*factors: Floats) -> float:
    """Sum of products, in an order that no library changes."""
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return float(np.sum(product))


def _by_means(phase: Floats, slope: Floats, weight: Floats) -> float:
    """Mean phase, as the phase of the mean phasor, by mean slope."""
    mean = np.sum(weight * np.exp(1j * phase))
    return float(np.angle(mean)) * _sum(weight) / _sum(weight, slope)


def _by_periodogram(phase: Floats, slope: Floats, weight: Floats, start: float) -> float:
    """Maximum over y of ``sum(weight cos(phase - slope y))`` by Newton's method.

    Slopes differ by a few percent in a block, so that the start, by the means, lies on the flank of the highest peak.
    """
    y = start
    for _ in range(20):
        rest = phase - slope * y
        curvature = _sum(weight, slope**2, np.cos(rest))
        if curvature <= 0.0:
            return start
        step = _sum(weight, slope, np.sin(rest)) / curvature
        y += step
        if abs(step) < 1e-9:
            break
    return y


def _deviation(phase: Floats, slope: Floats, weight: Floats, y: float) -> float | None:
    """Standard deviation of the maximum: the scatter of what cells add to its slope, by its curvature; if it is one."""
    rest = phase - slope * y
    pull = weight * slope * np.sin(rest)
    curvature = _sum(weight, slope**2, np.cos(rest))
    if curvature <= 0.0:
        return None
    return float(np.sqrt(np.sum(pull**2) * phase.size / (phase.size - 1.0)) / curvature)


def _products(images: tuple[Image, Image], polarization: str) -> tuple[Complexes, Floats]:
    """Per cell the sum of image 1 times conjugate image 2, and the product of their powers; 0 where data miss."""
    one, two = images
    rows, cols = one.is_valid.shape
    shape = rows // CELL_LINES, cols // CELL_PIXELS
    cross, power = np.zeros(shape, np.complex128), np.zeros(shape)
    valid = one.is_valid & two.is_valid
    _sum_cells(one.samples[polarization], two.samples[polarization], valid, cross, power)
    return cross, power


@njit(cache=True, nogil=True)
def _sum_cells(one: Complex, two: Complex, valid: Mask, cross: Complexes, power: Floats) -> None:
    for i in range(cross.shape[0]):
        for j in range(cross.shape[1]):
            real, imaginary, first, second = 0.0, 0.0, 0.0, 0.0
            is_whole = True
            for r in range(i * CELL_LINES, (i + 1) * CELL_LINES):
                for c in range(j * CELL_PIXELS, (j + 1) * CELL_PIXELS):
                    a, b = one[r, c], two[r, c]
                    is_whole &= valid[r, c]
                    real += float(a.real * b.real + a.imag * b.imag)
                    imaginary += float(a.imag * b.real - a.real * b.imag)
                    first += float(a.real * a.real + a.imag * a.imag)
                    second += float(b.real * b.real + b.imag * b.imag)
            if is_whole:
                cross[i, j] = complex(real, imaginary)
                power[i, j] = first * second

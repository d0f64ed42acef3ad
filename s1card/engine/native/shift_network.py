"""The offsets of the images of a stack from those of pairs of them.

Images that are near in time are more coherent, so that an image may be tied better to its neighbours than to the
reference. Every pair (arc) tells the difference of the offsets of two images; those of all images follow from the whole
network (Fattahi et al., IEEE TGRS 55(2), 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.offset import Offset

Floats = NDArray[np.float64]

SMALLEST_DEVIATION = 1e-6
"""Of an arc, samples: none weighs infinitely."""


@dataclass(frozen=True)
class Arc:
    """Two images by their numbers; 0 is the reference. Its offset is that of the second minus that of the first."""

    first: int
    second: int


@dataclass(frozen=True)
class Network:
    """Which pairs of images are compared, and how their offsets are joined.

    Attributes:
        counts_days: Whether the temporal baseline counts days or images.
        longest: Greatest temporal baseline; below 1 there is no limit.
        method: ``L1`` (least absolute differences), ``L2`` (least squares), or ``L1 and L2``: least squares without the
            arcs that are outliers of least absolute differences.
    """

    counts_days: bool
    longest: int
    method: str

    def arcs(self, dates: Sequence[np.datetime64]) -> tuple[Arc, ...]:
        """The pairs of images of these dates; an image that would be alone is compared with the reference."""
        days = np.array([date.astype("datetime64[D]").astype(np.int64) for date in dates])
        place = days if self.counts_days else np.argsort(np.argsort(days, kind="stable"), kind="stable")
        count = len(dates)
        arcs = [
            Arc(i, j)
            for i in range(count)
            for j in range(i + 1, count)
            if self.longest < 1 or abs(place[i] - place[j]) <= self.longest
        ]
        for image in range(1, count):
            if image not in connected(arcs):
                arcs.append(Arc(0, image))
        return tuple(arcs)

    def integrate(
        self, arcs: Sequence[Arc], offsets: Sequence[Offset | None], images: int
    ) -> list[Offset | None]:
        """Offsets of the images against the reference, image 0; None where nothing ties an image to it."""
        known = [(arc, offset) for arc, offset in zip(arcs, offsets, strict=True) if offset is not None]
        tied = sorted(connected([arc for arc, _ in known]) - {0})
        found: list[Offset | None] = [Offset(0.0, 0.0, 0), *([None] * (images - 1))]
        if not tied:
            return found
        kept = [(arc, offset) for arc, offset in known if arc.second in tied]
        for image, offset in zip(tied, self._solve(kept, tied), strict=True):
            found[image] = offset
        return found

    def _solve(self, known: list[tuple[Arc, Offset]], images: list[int]) -> list[Offset]:
        system = _System.of(known, images)
        if len(known) == len(images):  # nothing is known twice
            return system.least_squares()
        if self.method == "L2":
            return system.least_squares()
        values = system.least_absolute()
        if self.method == "L1":
            return [
                Offset(float(value), offset.deviation, offset.samples)
                for value, offset in zip(values, system.least_squares(), strict=True)
            ]
        good = system.without_outliers(values)
        kept = [one for one, is_good in zip(known, good, strict=True) if is_good]
        if connected([arc for arc, _ in kept]) - {0} != set(images):
            return system.least_squares()
        return _System.of(kept, images).least_squares()


@dataclass(frozen=True, eq=False)
class _System:
    """Equations ``matrix @ offsets of images = offsets of arcs``.

    Attributes:
        matrix: arcs x images.
        value, deviation: Of the arcs.
        samples: Of the arcs.
    """

    matrix: Floats
    value: Floats
    deviation: Floats
    samples: NDArray[np.int64]

    @classmethod
    def of(cls, known: Sequence[tuple[Arc, Offset]], images: Sequence[int]) -> _System:
        matrix = np.zeros((len(known), len(images)))
        column = {image: k for k, image in enumerate(images)}
        for row, (arc, _) in zip(matrix, known, strict=True):
            row[column[arc.second]] += 1.0
            if arc.first in column:
                row[column[arc.first]] -= 1.0
        return cls(
            matrix,
            np.array([offset.value for _, offset in known]),
            np.array([max(offset.deviation, SMALLEST_DEVIATION) for _, offset in known]),
            np.array([offset.samples for _, offset in known]),
        )

    def least_squares(self) -> list[Offset]:
        """Weighted by the variances; deviations are those of the arcs, or what their contradictions say, if more."""
        weighted = self.matrix / self.deviation[:, None]
        covariance = np.linalg.inv(weighted.T @ weighted)
        values = covariance @ (weighted.T @ (self.value / self.deviation))
        free = len(self.value) - len(values)
        misfit = float(np.sum(((self.matrix @ values - self.value) / self.deviation) ** 2))
        scale = max(1.0, misfit / free) if free else 1.0
        deviations = np.sqrt(np.diag(covariance) * scale)
        samples = (np.abs(self.matrix) > 0.0).T @ self.samples
        return [
            Offset(float(v), float(d), int(n)) for v, d, n in zip(values, deviations, samples, strict=True)
        ]

    def least_absolute(self) -> Floats:
        """Offsets with the least sum of absolute differences in units of the deviations, by linear programming."""
        from scipy.optimize import linprog  # noqa: PLC0415  dear to import, and wanted for large stacks only

        weighted, wanted = self.matrix / self.deviation[:, None], self.value / self.deviation
        arcs, images = weighted.shape
        slack = np.eye(arcs)
        found = linprog(
            np.r_[np.zeros(images), np.ones(arcs)],
            np.block([[weighted, -slack], [-weighted, -slack]]),
            np.r_[wanted, -wanted],
            bounds=[(None, None)] * images + [(0.0, None)] * arcs,
            method="highs",
        )
        assert found.x is not None
        return np.asarray(found.x[:images], np.float64)

    def without_outliers(self, values: Floats) -> NDArray[np.bool_]:
        """Arcs that agree with offsets of images: within 1.5 quartile ranges of the quartiles, or 3 deviations."""
        rest = self.matrix @ values - self.value
        low, high = np.percentile(rest, (25, 75))
        margin = 1.5 * (high - low)
        near = (rest >= low - margin) & (rest <= high + margin)
        return np.asarray(near | (np.abs(rest) <= 3.0 * self.deviation))


def connected(arcs: Sequence[Arc]) -> set[int]:
    """Images that arcs tie to image 0."""
    reached, grown = {0}, True
    while grown:
        grown = False
        for arc in arcs:
            if (arc.first in reached) != (arc.second in reached):
                reached |= {arc.first, arc.second}
                grown = True
    return reached

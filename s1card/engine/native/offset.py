"""Estimated offsets with their standard deviations, and the mean of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Offset:
    """How much farther down or right something lies than expected.

    Attributes:
        value: In lines or pixels.
        deviation: Standard deviation of the value.
        samples: Independent estimates that it is made of.
    """

    value: float
    deviation: float
    samples: int

    def moved(self, by: float) -> Offset:
        """The same estimate, counted from another origin."""
        return replace(self, value=self.value + by)

    @property
    def is_significant(self) -> bool:
        """Whether it differs from zero beyond doubt."""
        return abs(self.value) > 4.0 * self.deviation


def mean_offset(offsets: Sequence[Offset], weights: Sequence[float]) -> Offset:
    """The weighted mean of independent estimates.

    Its standard deviation is what those of the estimates let expect, or what their scatter about the mean says, if that
    is more: what they do not know of themselves shows in how they differ.
    """
    values, deviations = (
        np.array(column) for column in zip(*((o.value, o.deviation) for o in offsets), strict=True)
    )
    shares = np.asarray(weights, np.float64) / np.sum(weights)
    mean = float(np.sum(shares * values))
    variance = float(np.sum((shares * deviations) ** 2))
    if len(offsets) > 1:
        correction = len(offsets) / (len(offsets) - 1.0)
        variance = max(variance, float(np.sum((shares * (values - mean)) ** 2)) * correction)
    return Offset(mean, variance**0.5, sum(offset.samples for offset in offsets))

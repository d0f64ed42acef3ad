"""What a comparison found."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from s1card.engine.compare.difference import Pass
from s1card.engine.compare.names import Scale
from s1card.engine.compare.shift import Shift

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)


@dataclass(frozen=True)
class BandReport:
    """One band of two products; a difference is second minus first.

    Attributes:
        name, other_name: Its name in the first and in the second.
        quantity: What it holds.
        scale: How differences are stated.
        unit: Their unit.
        shape, other_shape: Sizes, rows and columns.
        offset: Rows and columns from the corner of the first to that of the second.
        same_grid: Whether both cover the same pixels.
        on_map: Whether they lie on a map.
        pixels: Pixels of the overlap.
        both, only_first, only_second: Pixels valid in both, in one only.
        mask_agreement: Share of pixels on whose validity both agree.
        not_positive: Pixels valid in both that have no decibels.
        identical: Share of the pixels valid in both that are equal.
        mean, other_mean: Means of the samples valid in both, as they are.
        relative_bias: Second mean over first, minus 1.
        bias, rmse, largest: Mean, root mean square and largest absolute difference.
        median_absolute, p95_absolute: Quantiles of the absolute difference.
        percentiles: Quantiles of the difference, by per cent.
        correlation: Of the samples.
        shift: Where the second lies against the first, None where that cannot be seen.
        has_texture: Whether a shift was looked for.
    """

    name: str
    other_name: str
    quantity: str
    scale: Scale
    unit: str
    shape: tuple[int, int]
    other_shape: tuple[int, int]
    offset: tuple[int, int]
    same_grid: bool
    on_map: bool
    pixels: int
    both: int
    only_first: int
    only_second: int
    mask_agreement: float
    not_positive: int
    identical: float
    mean: float
    other_mean: float
    relative_bias: float
    bias: float
    rmse: float
    largest: float
    median_absolute: float
    p95_absolute: float
    percentiles: dict[int, float]
    correlation: float
    shift: Shift | None
    has_texture: bool
    found: Pass = field(repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: numbers that are none become null."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "found"}
        values["shift"] = asdict(self.shift) | {"length": self.shift.length} if self.shift else None
        values["percentiles"] = {str(key): _finite(value) for key, value in self.percentiles.items()}
        return {name: _finite(value) for name, value in values.items()}


@dataclass(frozen=True)
class ProductReport:
    """Two products.

    Attributes:
        name: What they are called together.
        first, second: Names of the products.
        bands: Bands that both have.
        only_first, only_second: Bands that one has.
    """

    name: str
    first: str
    second: str
    bands: tuple[BandReport, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    def label(self, band: BandReport) -> str:
        """A band's name for messages."""
        return f"{self.name} {band.name}" if self.name else band.name

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "first": self.first,
            "second": self.second,
            "bands": [band.as_dict() for band in self.bands],
            "only_first": list(self.only_first),
            "only_second": list(self.only_second),
        }


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""Limits that a comparison has to keep."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fnmatch import fnmatch

from s1card.engine.compare.records import BandReport, ProductReport


@dataclass(frozen=True)
class Limit:
    """One limit.

    Attributes:
        measure: ``bias``, ``rmse``, ``median``, ``p95``, ``shift`` (greatest) or ``mask`` (least).
        value: The limit.
        pattern: Bands or quantities that it is for, as a file name pattern; "*": all.
    """

    measure: str
    value: float
    pattern: str = "*"

    def is_for(self, band: BandReport) -> bool:
        """Whether a band has to keep it."""
        names = (band.name, band.other_name, band.quantity)
        return any(fnmatch(name.lower(), self.pattern.lower()) for name in names)


def violations(
    products: list[ProductReport], limits: tuple[Limit, ...], *, strict: bool = False
) -> list[str]:
    """What is not held, one sentence each.

    The more special limit of a measure holds where several are for a band: the last one given.

    Args:
        products: What was compared.
        limits: Limits.
        strict: Whether grids and bands must be the same.
    """
    told = []
    for product in products:
        for band in product.bands:
            told += [f"{product.label(band)}: {text}" for text in _broken(band, limits)]
        if strict:
            told += _differences(product)
    return told


def _broken(band: BandReport, limits: tuple[Limit, ...]) -> list[str]:
    chosen = {limit.measure: limit for limit in limits if limit.is_for(band)}
    return [text for limit in chosen.values() if (text := _judged(band, limit))]


def _judged(band: BandReport, limit: Limit) -> str:
    if limit.measure == "mask":
        if band.mask_agreement >= limit.value:
            return ""
        return f"validity agrees in {band.mask_agreement:.6f} of the pixels, less than {limit.value:g}"
    if limit.measure == "shift":
        if band.shift is None:
            return "" if not band.has_texture else "no shift can be found"
        length = band.shift.length
        return "" if length <= limit.value else f"shift of {length:.4f} px exceeds {limit.value:g}"
    value = {
        "bias": abs(band.bias),
        "rmse": band.rmse,
        "median": band.median_absolute,
        "p95": band.p95_absolute,
    }[limit.measure]
    if math.isnan(value):
        return f"no pixel has a difference, so that {limit.measure} cannot be judged"
    return (
        "" if value <= limit.value else f"{limit.measure} of {value:.6g} {band.unit} exceeds {limit.value:g}"
    )


def _differences(product: ProductReport) -> list[str]:
    told = [f"{product.label(band)}: the grids differ" for band in product.bands if not band.same_grid]
    told += [f"{product.name}: band {name} is in the first only" for name in product.only_first]
    return told + [f"{product.name}: band {name} is in the second only" for name in product.only_second]

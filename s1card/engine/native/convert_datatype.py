"""Convert-Datatype: bands in another type, scaled into its range or cut off at its ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.band_range import BandRange, present
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.number_types import fit, limits
from s1card.engine.native.product import Band, Product
from s1card.engine.native.slc import require_image
from s1card.window import Window

Floats = NDArray[np.float64]

TRUNCATE = "Truncate"
CLIPPED = "Linear (between 95% clipped histogram)"
LOGARITHMIC = "Logarithmic"

SHARES = 0.025, 0.975
"""Shares of the samples below the ends of the clipped histogram."""

NEVER_SCALED = ("int32", "float32", "float64")
"""Types that hold any sample as it is."""


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """The bands that are named, or all, in another type; complex images fall into their parts.

    Scaling needs the range of the samples: the whole source is computed once more for it.
    """
    source = sources[0]
    require_image(source, "Convert-Datatype")
    dtype, scaling = str(parameters["targetDataType"]), str(parameters["targetScalingStr"])
    nodata = float(parameters["targetNoDataValue"])
    chosen = source.real_bands(tuple(parameters["sourceBands"] or ()))
    bands = tuple(_converted(band, source, dtype, scaling, nodata) for band in chosen)
    product = replace(source, bands=bands, signals=())
    return product.with_fact("Convert-Datatype", f"{dtype}, {scaling}")


def _converted(band: Band, source: Product, dtype: str, scaling: str, nodata: float) -> Band:
    is_float = dtype.startswith("float")
    scaled = scaling if needs_scaling(band.dtype, dtype) else TRUNCATE
    blank = math.nan if is_float else 0.0 if math.isnan(nodata) else nodata
    convert = Conversion(band, BandRange(band, source.grid.window), dtype, scaled, blank)
    return replace(band, read=convert.read, dtype=dtype, nodata=blank, is_virtual=False)


def needs_scaling(source: str, target: str) -> bool:
    """Whether a type cannot hold all samples of another one."""
    if target in NEVER_SCALED:
        return False
    least, greatest = limits(target)
    return source.startswith("float") or limits(source)[0] < least or limits(source)[1] > greatest


@dataclass(frozen=True, eq=False)
class Conversion:
    """A band on its way into another type.

    Attributes:
        band: The band as it is.
        range: Range of its samples.
        dtype: The new type.
        scaling: SNAP's name of the way of scaling.
        blank: Value of samples without data.
    """

    band: Band
    range: BandRange
    dtype: str
    scaling: str
    blank: float

    def read(self, window: Window) -> NDArray[Any]:
        """Samples of a window in the new type."""
        samples = self.band.read(window)
        held = present(samples, self.band.nodata)
        values = np.where(held, samples, 0).astype(np.float64)
        if self.scaling != TRUNCATE:
            values = self._scaled(values)
        values[~held] = self.blank
        if self.dtype.startswith("float"):
            return values.astype(self.dtype)
        return fit(np.floor(values + 0.5), self.dtype)

    def _scaled(self, values: Floats) -> Floats:
        """Values between the ends of their range as values between the ends of the type."""
        found = self.range.evaluate()
        low, high = found.least, found.greatest
        if self.scaling == CLIPPED:
            low, high = (found.share(share) for share in SHARES)
        least, greatest = limits(self.dtype)
        if not high > low:
            return np.full(values.shape, least)
        linear = np.clip((values - low) / (high - low), 0.0, 1.0) * (greatest - least) + least
        if self.scaling != LOGARITHMIC:
            return linear
        with np.errstate(divide="ignore"):
            return np.asarray(10.0 * np.log10(np.abs(linear)))

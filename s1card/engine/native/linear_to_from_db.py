"""LinearToFromdB: decibels and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Band, Product, as_power
from s1card.window import Window

SUFFIX = "_db"


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Bands in dB of linear ones, and linear bands of those in dB."""
    source = sources[0]
    bands = source.real_bands(tuple(parameters["sourceBands"] or ()))
    return replace(source, bands=tuple(_converted(band) for band in bands), signals=())


def _converted(band: Band) -> Band:
    if band.unit.endswith(SUFFIX):
        linear = lambda window: np.power(np.float32(10), band.read(window) / np.float32(10))  # noqa: E731
        name, unit = band.name.removesuffix(SUFFIX), band.unit.removesuffix(SUFFIX)
        return replace(band, name=name, unit=unit, read=linear)
    return replace(
        band,
        name=f"{band.name}{SUFFIX}",
        unit=f"{band.unit}{SUFFIX}",
        read=lambda window: _decibels(band, window),
        dtype="float32",
        nodata=np.nan,
        is_virtual=False,
    )


def _decibels(band: Band, window: Window) -> NDArray[np.float32]:
    """10 log10 of the value; NaN where it is not positive."""
    linear = as_power(band, window) if band.unit == "intensity" else band.read(window).astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(linear > 0, np.float32(10) * np.log10(linear), np.float32(np.nan))

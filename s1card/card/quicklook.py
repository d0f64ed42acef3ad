"""A small picture of a card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import imagecodecs
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling

MAX_SIZE = 1024
"""Longer side of the picture in pixels."""

CO_RANGE = (-20.0, 0.0)
CROSS_RANGE = (-26.0, -5.0)
RATIO_RANGE = (0.0, 15.0)
"""Decibels from black to full: co- and cross-polarized gamma0, and the ratio of the two."""

_Image = NDArray[np.float32]
_Channel = NDArray[np.uint8]


def quicklook(bands: Mapping[str, Path], *, is_coherence: bool = False) -> bytes:
    """A PNG of at most ``MAX_SIZE`` pixels a side, made from the overviews; no data is transparent.

    Backscatter of two polarizations gives a colour picture (red co-polarized, green cross-polarized, blue their ratio,
    all in decibels), one gives grey. Coherence is black at 0 and full at 1: red co-polarized, blue cross-polarized,
    green the mean of both; one polarization gives grey. The same rasters give the same bytes.

    Args:
        bands: Polarization to raster of linear power or coherence; at least one.
        is_coherence: Whether it is coherence.
    """
    images = {name: _read_small(path) for name, path in bands.items()}
    co = next((images[name] for name in ("VV", "HH") if name in images), None)
    cross = next((images[name] for name in ("VH", "HV") if name in images), None)
    valid = np.logical_and.reduce([np.isfinite(image) for image in images.values()])
    channels = _coherence_channels(co, cross) if is_coherence else _power_channels(co, cross)
    alpha = np.where(valid, 255, 0).astype(np.uint8)
    picture = np.where(valid[..., None], np.stack(channels, axis=-1), 0).astype(np.uint8)
    return bytes(imagecodecs.png_encode(np.dstack([picture, alpha]), level=6))


def _power_channels(co: _Image | None, cross: _Image | None) -> list[_Channel]:
    if co is not None and cross is not None:
        return [
            _stretch(_decibels(co), CO_RANGE),
            _stretch(_decibels(cross), CROSS_RANGE),
            _stretch(_decibels(co) - _decibels(cross), RATIO_RANGE),
        ]
    if co is not None:
        return [_stretch(_decibels(co), CO_RANGE)] * 3
    assert cross is not None
    return [_stretch(_decibels(cross), CROSS_RANGE)] * 3


def _coherence_channels(co: _Image | None, cross: _Image | None) -> list[_Channel]:
    present = [image for image in (co, cross) if image is not None]
    images = (present[0], np.mean(present, axis=0), present[-1])
    return [_stretch(image, (0.0, 1.0)) for image in images]


def _read_small(path: Path) -> _Image:
    """A raster reduced to the size of the picture; GDAL takes the overview that suffices."""
    with rasterio.open(path) as source:
        factor = max(1.0, max(source.shape) / MAX_SIZE)
        size = tuple(max(1, math.floor(side / factor)) for side in source.shape)
        values = source.read(1, out_shape=size, resampling=Resampling.average, out_dtype="float32")
    return np.asarray(values, np.float32)


def _decibels(power: _Image) -> _Image:
    """Power in decibels; noise power may be negative after noise removal and counts as very dark."""
    return np.asarray(10 * np.log10(np.fmax(power, np.float32(1e-5))), np.float32)


def _stretch(values: _Image, limits: tuple[float, float]) -> _Channel:
    low, high = limits
    scaled = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(np.rint(255 * np.nan_to_num(scaled)), np.uint8)

"""Products in radar geometry made of arrays, for the tests of operators on real and complex bands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from engine_cases import product_of

from s1card.engine.native.product import Band, Product, Signal
from s1card.engine.native.slc import with_signals
from s1card.engine.native.tie_grid import TieGrid
from s1card.window import Window


def ties_of(shape: tuple[int, int], incidence: float = 30.0) -> TieGrid:
    """Latitude and longitude that grow with line and pixel."""
    line, pixel = np.mgrid[0:3, 0:3].astype(np.float64)
    steps = shape[0] / 2, shape[1] / 2
    latitude, longitude = 45 + line * steps[0] * 1e-4, np.radians(10 + pixel * steps[1] * 1e-4)
    values = latitude, np.sin(longitude), np.cos(longitude), np.full((3, 3), incidence)
    return TieGrid(*steps, 0.0, 0.0, *(v.astype(np.float32) for v in values))


def product(values: np.ndarray, unit: str = "intensity", nodata: float = np.nan, **bands: Any) -> Product:
    plain = product_of({"VV": np.ones(values.shape, np.uint16)})
    band = Band("it", unit, lambda w: values[w.slices_in(whole(values))], "VV", str(values.dtype), nodata)
    return replace(plain, bands=(band,), ties=ties_of(values.shape), **bands)


def complex_product(
    values: np.ndarray, valid: np.ndarray | None = None, *, interferogram: bool = False
) -> Product:
    """``values``: complex samples."""
    parts = np.stack([values.real, values.imag], axis=-1).astype(np.float32)
    mask = np.ones(values.shape, bool) if valid is None else valid
    signal = Signal(
        "VV",
        "VV",
        lambda w: parts[w.slices_in(whole(mask))],
        lambda w: mask[w.slices_in(whole(mask))],
        is_interferogram=interferogram,
    )
    return with_signals(product(np.zeros(values.shape, np.float32)), [signal])


def whole(values: np.ndarray) -> Window:
    return Window(0, 0, *values.shape[:2])


def noise(shape: tuple[int, int], seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(size=shape) + 1j * random.normal(size=shape)

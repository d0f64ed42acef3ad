"""Remove-GRD-Border-Noise: blank the noisy rims of scenes processed before IPF 2.90.

From IPF 2.90 on the processor itself sets the rims to zero, and the operator passes everything through, as in SNAP.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.luts import interpolate_linear
from s1card.engine.native.product import Band, Product
from s1card.engine.native.selection import selected_bands
from s1card.errors import GraphError
from s1card.scene.scene import Image
from s1card.window import Window

FIRST_CLEAN_IPF = (2, 90)
STRIP = 500  # samples of a profile's averaging length
PEAK_OVER_MEAN = 10.0
RIGHT_EDGE_SHARE = 0.8
DARKEST_SIGNAL = 30.0  # amplitude below which a rim sample is blanked whatever its noise

_SCALES = {"IW": 75088.7, "EW": 56065.87}
"""Factors of the noise vectors of IPF <= 2.50 (ESA, "Masking no-value pixels on GRD products", MPC-0243)."""


@dataclass(frozen=True)
class Margins:
    """Lines and pixels of each rim in which samples are examined."""

    left: int
    right: int
    top: int
    bottom: int


class BorderMask:
    """Which samples of the rims are noise; found at the first look, shared by all bands."""

    def __init__(self, source: Product, band: Band, limit: int, threshold: float) -> None:
        assert band.polarization is not None
        self._source, self._band = source, band
        self._limit, self._threshold = limit, threshold
        self._noise = _mean_noise(source.scene.image(band.polarization), source)
        self._lock = threading.Lock()
        self._margins: Margins | None = None

    def margins(self) -> Margins:
        """The rims, found once."""
        with self._lock:
            if self._margins is None:
                self._margins = find_margins(self._band, self._source.shape, self._limit)
            return self._margins

    def evaluate(self, window: Window) -> NDArray[np.bool_]:
        """True where a sample is border noise."""
        rows, cols = self._source.shape
        rim, m = np.zeros(window.shape, np.bool_), self.margins()
        line = np.arange(window.row, window.row_end)[:, None]
        pixel = np.arange(window.col, window.col_end)[None, :]
        rim |= (line < m.top) | (line >= rows - m.bottom) | (pixel < m.left) | (pixel >= cols - m.right)
        if not rim.any():
            return rim
        amplitude = self._band.read(window).astype(np.float64)
        noise = self._noise[window.col : window.col_end]
        signal = np.sqrt(np.maximum(amplitude**2 - noise, 0.0))
        return rim & ((signal < self._threshold) | (amplitude < DARKEST_SIGNAL))


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Amplitudes with the noisy rims set to nodata; the co-polarized band decides for all."""
    source = sources[0]
    if source.is_calibrated or source.is_noise_removed:
        raise GraphError(
            "border noise is recognised by its digital numbers",
            subject=source.name,
            advice="Place Remove-GRD-Border-Noise before ThermalNoiseRemoval and Calibration",
        )
    if source.scene.manifest.ipf_version >= FIRST_CLEAN_IPF:
        return source.with_fact("Remove-GRD-Border-Noise", "not needed from IPF 2.90 on")
    chosen = selected_bands(source, parameters)
    decisive = next((b for b in chosen if b.polarization in ("HH", "VV")), chosen[0])
    limit, threshold = int(parameters["borderLimit"]), float(parameters["trimThreshold"])
    mask = BorderMask(source, decisive, limit, threshold)
    bands = tuple(replace(band, read=partial(_masked, band, mask)) for band in chosen)
    return replace(source, bands=bands).with_fact("Remove-GRD-Border-Noise", f"rims of up to {limit} samples")


def _masked(band: Band, mask: BorderMask, window: Window) -> NDArray[Any]:
    noisy = mask.evaluate(window)
    samples = band.read(window)
    if not noisy.any():
        return samples
    samples = samples.copy()
    samples[noisy] = 0
    return samples


def _mean_noise(image: Image, source: Product) -> NDArray[np.float32]:
    """Noise power of the middle range vector over all pixels of the source."""
    if source.is_noise_removed:
        return np.zeros(source.shape[1], np.float32)
    vectors = image.noise.range_vectors
    middle = vectors[len(vectors) // 2]
    noise = interpolate_linear(middle.pixel, middle.value, image.annotation.pixels) * _noise_scale(image, source)
    origin = source.lut_origin.pixel
    return noise[origin : origin + source.shape[1]]


def _noise_scale(image: Image, source: Product) -> np.float32:
    """Scale of ancient noise vectors, which were not in units of DN**2."""
    version = source.scene.manifest.ipf_version
    if version > (2, 50):
        return np.float32(1.0)
    scale = _SCALES.get(source.scene.manifest.mode, 1.0)
    dn = float(image.calibration.vectors[0].dn[0])
    return np.float32(scale * (dn if version < (2, 34) else dn * dn))


def find_margins(band: Band, shape: tuple[int, int], limit: int) -> Margins:
    """Rims of a band, from the steepest step of mean amplitude within ``limit`` samples of each edge."""
    rows, cols = shape
    width, height = min(limit, cols), min(limit, rows)
    left = _column_profile(band, Window(0, 0, rows, width))
    right = _column_profile(band, Window(0, cols - width, rows, width))[::-1]
    top = _row_profile(band, Window(0, 0, height, cols))
    bottom = _row_profile(band, Window(rows - height, 0, height, cols))[::-1]
    return Margins(_edge(left), _edge(right, RIGHT_EDGE_SHARE), _edge(top), _edge(bottom))


def _column_profile(band: Band, strip: Window) -> NDArray[np.float64]:
    total = np.zeros(strip.cols)
    for part in strip.tiles(STRIP, strip.cols):
        total += band.read(part).astype(np.float64).sum(axis=0)
    return total / strip.rows


def _row_profile(band: Band, strip: Window) -> NDArray[np.float64]:
    total = np.zeros(strip.rows)
    for part in strip.tiles(strip.rows, STRIP):
        total += band.read(part).astype(np.float64).sum(axis=1)
    return total / strip.cols


def _edge(profile: NDArray[np.float64], share: float = 1.0) -> int:
    """Samples before the steepest step of a profile; 0 without a clear step.

    With a share below 1 the innermost step of at least that share of the steepest counts.
    """
    step = np.abs(np.diff(profile))
    if step.size == 0 or step.max() <= PEAK_OVER_MEAN * max(step.mean(), 1e-12):
        return 0
    return int(np.nonzero(step >= share * step.max())[0][-1]) + 1

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
from s1card.engine.native.product import Band, Product, as_power
from s1card.engine.native.selection import selected_bands
from s1card.errors import GraphError
from s1card.scene.records import Manifest
from s1card.scene.scene import Image
from s1card.window import Window

FIRST_CLEAN_IPF = (2, 90)
PEAK_OVER_MEAN = 10.0
RIGHT_SHARE = 0.8  # the right rim begins at this share of the distance from the strip's start to its step
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
        m = self.margins()
        line = np.arange(window.row, window.row_end)[:, None]
        pixel = np.arange(window.col, window.col_end)[None, :]
        rim = (line < m.top) | (line >= rows - m.bottom) | (pixel < m.left) | (pixel >= cols - m.right)
        if not rim.any():
            return rim
        power = np.nan_to_num(as_power(self._band, window))
        signal = power - self._noise[window.col : window.col_end]
        return rim & ((signal < self._threshold**2) | (power < DARKEST_SIGNAL**2))


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Bands with the noisy rims set to nodata; the co-polarized band decides for all."""
    source = sources[0]
    source.require_radar_geometry()
    if source.is_calibrated:
        raise GraphError(
            "border noise is recognised by its digital numbers",
            subject=source.scene.name,
            advice="Place Remove-GRD-Border-Noise before Calibration",
        )
    if source.scene.manifest.ipf_version >= FIRST_CLEAN_IPF:
        kept = replace(source, bands=_with_virtual(source, selected_bands(source, parameters)))
        return kept.with_fact("Remove-GRD-Border-Noise", "not needed from IPF 2.90 on")
    chosen = selected_bands(source, parameters)
    decisive = next((b for b in source.real_bands() if b.polarization in ("HH", "VV")), chosen[0])
    limit, threshold = int(parameters["borderLimit"]), float(parameters["trimThreshold"])
    mask = BorderMask(source, decisive, limit, threshold)
    bands = tuple(replace(band, read=partial(_masked, band, mask)) for band in _with_virtual(source, chosen))
    return replace(source, bands=bands).with_fact("Remove-GRD-Border-Noise", f"rims of up to {limit} samples")


def _with_virtual(source: Product, chosen: Sequence[Band]) -> tuple[Band, ...]:
    """The chosen bands and the virtual ones of their polarizations, in product order."""
    polarizations = {band.polarization for band in chosen}
    return tuple(b for b in source.bands if b in chosen or (b.is_virtual and b.polarization in polarizations))


def _masked(band: Band, mask: BorderMask, window: Window) -> NDArray[Any]:
    noisy = mask.evaluate(window)
    samples = band.read(window)
    if not noisy.any():
        return samples
    samples = samples.copy()
    samples[noisy] = band.nodata
    return samples


def _mean_noise(image: Image, source: Product) -> NDArray[np.float32]:
    """Noise power of the middle range vector over all pixels of the source; zero where it has been removed."""
    if source.is_noise_removed:
        return np.zeros(source.shape[1], np.float32)
    vectors = image.noise.range_vectors
    middle = vectors[len(vectors) // 2]
    noise = interpolate_linear(middle.pixel, middle.value, image.annotation.pixels)
    origin = source.lut_origin.pixel
    return noise[origin : origin + source.shape[1]] * noise_scale(image, source.scene.manifest)


def noise_scale(image: Image, manifest: Manifest) -> np.float32:
    """Scale of ancient noise vectors, which were not in units of DN**2."""
    if manifest.ipf_version > (2, 50):
        return np.float32(1.0)
    dn = float(image.calibration.vectors[0].dn[0])
    power = 1 if manifest.ipf_version < (2, 34) else 2
    return np.float32(_SCALES.get(manifest.mode, 1.0) * dn**power)


def find_margins(band: Band, shape: tuple[int, int], limit: int) -> Margins:
    """Rims of a band, from the steepest step of the mean amplitude within ``limit`` samples of each edge."""
    rows, cols = shape
    width, height = min(limit, cols), min(limit, rows)
    left = _steepest(_profile(band, Window(0, 0, rows, width), 0))
    right = _steepest(_profile(band, Window(0, cols - width, rows, width), 0))
    top = _steepest(_profile(band, Window(0, 0, height, cols), 1))
    bottom = _steepest(_profile(band, Window(rows - height, 0, height, cols), 1))
    return Margins(
        left=0 if left is None else left + 1,
        right=0 if right is None else width - 1 - int(RIGHT_SHARE * right),
        top=0 if top is None else top + 1,
        bottom=0 if bottom is None else height - 1 - bottom,
    )


def _profile(band: Band, strip: Window, axis: int) -> NDArray[np.float64]:
    """Mean amplitude across a strip, taken along ``axis``; samples without data count as zero.

    It is the mean of the means of parts as long as the strip is wide, as in SNAP.
    """
    across, along = (strip.cols, strip.rows) if axis == 0 else (strip.rows, strip.cols)
    length = min(across, along)
    parts = list(strip.tiles(length, across) if axis == 0 else strip.tiles(across, length))
    amplitude = (np.sqrt(np.nan_to_num(as_power(band, part))) for part in parts)
    return np.asarray(sum(a.mean(axis=axis, dtype=np.float64) for a in amplitude) / len(parts))


def _steepest(profile: NDArray[np.float64]) -> int | None:
    """Index of the sample before the first steepest step of a profile; None without a clear one."""
    step = np.abs(np.diff(profile))
    if step.size == 0 or step.max() <= PEAK_OVER_MEAN * step.mean():
        return None
    return int(np.argmax(step))

"""Coherence: of the reference with every secondary, in a moving window that stays inside its burst.

The phase of the geometry is removed with the very ranges that Back-Geocoding found for every sample, so that no
polynomial stands for them and no second elevation model is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from s1card.engine.looks import independent_looks
from s1card.engine.native.back_geocoding import date_of
from s1card.engine.native.coherence_estimator import (
    CoherenceWindow,
    estimate_coherence,
    without_bias,
)
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.pair import CoregisteredPair, PairWindow, Removal
from s1card.engine.native.product import Band, Product
from s1card.engine.native.slc import require_bursts
from s1card.engine.native.tile_cache import Tiling
from s1card.engine.native.topsar_deburst import joints
from s1card.errors import GraphError
from s1card.scene.records import Annotation
from s1card.window import Window

Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class Estimator:
    """How coherence is estimated.

    Attributes:
        window: Estimation window.
        removal: Part of the geometric phase that is removed first.
        looks: Independent looks in the window.
        corrects_bias, removes_ramp: The options of the operator.
    """

    window: CoherenceWindow
    removal: Removal
    looks: float
    corrects_bias: bool = False
    removes_ramp: bool = False

    def grown(self, window: Window, lines_per_burst: int, pixels: int) -> Window:
        """A window with all that its estimates need, inside its burst."""
        around = Window(
            window.row - self.window.above,
            window.col - self.window.left,
            window.rows + self.window.lines - 1,
            window.cols + self.window.pixels - 1,
        )
        burst = window.row // lines_per_burst
        return around.intersection(Window(burst * lines_per_burst, 0, lines_per_burst, pixels))

    def estimate(self, pair: PairWindow, window: Window) -> Floats32:
        """Coherence of every polarization in a window: polarizations x rows x cols."""
        inner = window.slices_in(pair.window)
        estimate = partial(estimate_coherence, without_ramp=self.removes_ramp)
        images = zip(pair.reference, pair.secondary, strict=True)
        coherence = np.stack([estimate(m, s, pair.is_valid, self.window, inner) for m, s in images])
        return without_bias(coherence, self.looks) if self.corrects_bias else coherence

    @property
    def statement(self) -> str:
        """What the card says of it."""
        window = f"window {self.window.lines} lines x {self.window.pixels} pixels, {self.looks:.1f} looks"
        extras = [self.removal.statement]
        extras += ["fringe rate of the window removed"] if self.removes_ramp else []
        extras += ["bias corrected" if self.corrects_bias else "bias not corrected"]
        return ", ".join([window, *extras])


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Bands ``coh_IW1_VV_12Jun2021_18Jun2021``; all others are dropped."""
    source = sources[0]
    pairs = require_pairs(source, "Coherence")
    estimator = estimator_of(source, parameters)
    bands = tuple(band for pair in pairs for band in _bands(source, pair, estimator, context))
    return with_estimate(replace(source, name=f"{source.name}_Coh", bands=bands, signals=()), estimator)


def with_estimate(product: Product, estimator: Estimator) -> Product:
    """The product with what the record says of an estimate of coherence."""
    return product.with_fact("Coherence", estimator.statement).with_measures(
        **{
            "coherence_window_lines": estimator.window.lines,
            "coherence_window_pixels": estimator.window.pixels,
            "coherence_bias_corrected": estimator.corrects_bias,
            f"coherence_looks_{product.swath}": estimator.looks,
        }
    )


def require_pairs(source: Product, operator: str) -> tuple[CoregisteredPair, ...]:
    """The co-registered secondaries of a product.

    Raises:
        GraphError: There are none, or the bursts are joined already.
    """
    if source.pairs and source.bursts is None:
        raise GraphError(
            f"{operator} works burst by burst",
            subject=source.scene.name,
            advice="Place it before TOPSAR-Deburst",
        )
    if not source.pairs:
        raise GraphError(
            f"{operator} needs a co-registered pair",
            subject=source.scene.name,
            advice="Place Back-Geocoding before it",
        )
    return source.pairs


def estimator_of(source: Product, parameters: Parameters) -> Estimator:
    """The estimator that the parameters of Coherence or Interferogram ask for."""
    removal = Removal(
        (bool(parameters["subtractFlatEarthPhase"]), bool(parameters["subtractTopographicPhase"]))
    )
    window = window_of(source.annotation, parameters)
    return Estimator(
        window,
        removal,
        looks_of(source.annotation, window),
        bool(parameters.get("correctCoherenceBias", False)),
        bool(parameters.get("removeLocalPhaseRamp", False)),
    )


def window_of(annotation: Annotation, parameters: Parameters) -> CoherenceWindow:
    """The window as stated; with ``squarePixel`` its height is that which makes it square on the ground."""
    lines, pixels = int(parameters["cohWinAz"]), int(parameters["cohWinRg"])
    if not parameters["squarePixel"]:
        return CoherenceWindow(lines, pixels)
    ground = annotation.range_pixel_spacing / np.sin(np.radians(annotation.incidence_angle_mid_swath))
    ratio = pixels * ground / annotation.azimuth_pixel_spacing
    if ratio >= 1.0:
        return CoherenceWindow(round(ratio), pixels)
    return CoherenceWindow(2, max(1, round(annotation.azimuth_pixel_spacing / ground)))


def looks_of(annotation: Annotation, window: CoherenceWindow) -> float:
    """Independent looks in a window, by the annotated spectrum."""
    tops = annotation.tops
    assert tops is not None
    return independent_looks(
        (window.lines, window.pixels),
        (tops.azimuth_spectrum, 1.0 / annotation.line_interval),
        (tops.range_spectrum, annotation.range_sampling_rate),
    )


def _bands(source: Product, pair: CoregisteredPair, estimator: Estimator, context: Context) -> list[Band]:
    bursts = require_bursts(source, "Coherence")
    tiling = Tiling(bursts.shape, bursts.lines_per_burst, cuts=joints(bursts))

    def make(window: Window) -> Floats32:
        around = estimator.grown(window, bursts.lines_per_burst, bursts.pixels)
        return estimator.estimate(pair.read(around, estimator.removal), window)

    read = context.tiles.add(tiling, make)
    dates = f"{date_of(source)}_{date_of(pair.secondary)}"

    def layer(number: int, window: Window) -> Floats32:
        return read(window, number)

    return [
        Band(
            f"coh_{source.swath}_{p}_{dates}",
            "coherence",
            partial(layer, k),
            polarization=p,
            description=f"coherence {p} {dates.replace('_', ' ')}",
        )
        for k, p in enumerate(pair.polarizations)
    ]

"""A secondary image on the raster of the reference, as operators after Back-Geocoding see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.product import Band, Pixels, Product, Signal
from s1card.geometry.coregistration import Placement
from s1card.geometry.interpolation_kernel import InterpolationKernel
from s1card.geometry.tops import Carrier
from s1card.window import Window


class Removal(Enum):
    """Which part of the geometric phase is taken from the secondary: that of the ellipsoid, of the terrain above it."""

    NONE = (False, False)
    FLAT_EARTH = (True, False)
    TOPOGRAPHY = (False, True)
    ALL = (True, True)

    @property
    def statement(self) -> str:
        """What the record of a card says of it."""
        names = [
            name for name, removed in zip(("flat-earth", "topographic"), self.value, strict=True) if removed
        ]
        return f"{' and '.join(names) or 'no'} phase removed"


@dataclass(frozen=True, eq=False)
class PairWindow:
    """A window of a co-registered pair, inside one burst of the reference.

    Attributes:
        window: In lines and pixels of the reference's stacked bursts.
        reference: polarizations x rows x cols x 2 (real, imaginary), int16 or float32.
        secondary: polarizations x rows x cols, complex64, resampled onto the reference; 0 where not valid.
        is_valid: rows x cols; where both have data: annotated valid samples, and heights where they are asked for.
        placement: Heights, places and ranges; None where the secondary has no burst there.
    """

    window: Window
    reference: Pixels
    secondary: NDArray[np.complex64]
    is_valid: NDArray[np.bool_]
    placement: Placement | None


@dataclass(frozen=True, eq=False)
class Alignment:
    """How a secondary is laid on the reference.

    Attributes:
        kernel: Interpolation.
        lines, pixels: How much farther down and right in the secondary everything lies than its orbit and timing say.
    """

    kernel: InterpolationKernel
    lines: float = 0.0
    pixels: float = 0.0

    def moved(self, lines: float, pixels: float) -> Alignment:
        """The same, so many samples farther down and right."""
        return replace(self, lines=self.lines + lines, pixels=self.pixels + pixels)


@dataclass(frozen=True, eq=False)
class CoregisteredPair:
    """A secondary on the raster of the reference.

    Attributes:
        secondary: Its sub-swath as split (scene, orbit, bursts).
        tag: End of its band names: ``sec1_18Jun2021``.
        polarizations: Those that both have, in the order of the arrays of ``read``.
        wavelength: m.
        seen: Per burst of the reference where the secondary's valid samples lie in it, about; empty without a match.
        read: Gives a window, which must lie inside one burst of the reference, with a part of the phase removed.
        carriers: Per burst of the reference the azimuth carrier of the secondary burst on it; None without a match.
        alignment: How it is laid on the reference.
        aligned: Gives the same secondary, laid on the reference in another way.
        signals, layers: What a product shows of it: images, and further bands.
    """

    secondary: Product
    tag: str
    polarizations: tuple[str, ...]
    wavelength: float
    seen: tuple[Window, ...]
    read: Callable[[Window, Removal], PairWindow]
    carriers: tuple[Carrier | None, ...]
    alignment: Alignment
    aligned: Callable[[Alignment], CoregisteredPair]
    signals: tuple[Signal, ...]
    layers: tuple[Band, ...]


def with_pairs(product: Product, pairs: Sequence[CoregisteredPair]) -> Product:
    """A product whose secondaries are laid on it in another way: their images are exchanged, further bands dropped."""
    signals = {signal.name: signal for pair in pairs for signal in pair.signals}
    bands = {band.name: band for signal in signals.values() for band in signal.bands}
    dropped = {band.name for pair in pairs for band in pair.layers}
    return replace(
        product,
        pairs=tuple(pairs),
        signals=tuple(signals.get(signal.name, signal) for signal in product.signals),
        bands=tuple(bands.get(band.name, band) for band in product.bands if band.name not in dropped),
    )

"""All images of a co-registered stack in a window, without the phase of the geometry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.pair import CoregisteredPair, Removal
from s1card.engine.native.product import Pixels
from s1card.engine.native.slc import valid_samples
from s1card.geometry.coregistration import Placement
from s1card.geometry.interpolation_kernel import interpolation_kernel
from s1card.geometry.tops import SubSwath
from s1card.window import Window

Complex = NDArray[np.complex64]
Mask = NDArray[np.bool_]

PRECISE = interpolation_kernel("BISINC_21_POINT_INTERPOLATION")
"""Shorter kernels move what they interpolate by up to some hundredths of a sample, as the band is nearly full."""


@dataclass(frozen=True, eq=False)
class Image:
    """One image of a stack in a window inside one burst of the reference.

    Attributes:
        samples: rows x cols, by polarization.
        is_valid: rows x cols.
        placement: Where it lies in the secondary; None of the reference, and where the secondary has no burst.
    """

    samples: Mapping[str, Complex]
    is_valid: Mask
    placement: Placement | None = None


@dataclass(frozen=True, eq=False)
class ImageStack:
    """A reference and its secondaries, which are resampled as well as can be.

    Attributes:
        bursts: Of the reference.
        pairs: Its secondaries; image 0 is the reference, image k the secondary k - 1.
    """

    bursts: SubSwath
    pairs: tuple[CoregisteredPair, ...]

    @classmethod
    def of(cls, bursts: SubSwath, pairs: tuple[CoregisteredPair, ...]) -> ImageStack:
        """The stack of a product, its secondaries resampled with the longest kernel."""
        return cls(bursts, tuple(p.aligned(replace(p.alignment, kernel=PRECISE)) for p in pairs))

    def moved(self, lines: list[float], pixels: list[float]) -> ImageStack:
        """The same stack, the secondaries read so many samples farther down and right."""
        offsets = zip(self.pairs, lines, pixels, strict=True)
        return replace(self, pairs=tuple(p.aligned(p.alignment.moved(y, x)) for p, y, x in offsets))

    def read(self, window: Window) -> list[Image]:
        """All images in a window inside one burst."""
        windows = [pair.read(window, Removal.ALL) for pair in self.pairs]
        reference: dict[str, Complex] = {}
        for pair, seen in zip(self.pairs, windows, strict=True):
            for polarization, samples in zip(pair.polarizations, seen.reference, strict=True):
                if polarization not in reference:
                    reference[polarization] = _as_complex(samples)
        images = [Image(reference, valid_samples(self.bursts, window))]
        for pair, seen in zip(self.pairs, windows, strict=True):
            samples_of = dict(zip(pair.polarizations, seen.secondary, strict=True))
            images.append(Image(samples_of, seen.is_valid, seen.placement))
        return images


def _as_complex(samples: Pixels) -> Complex:
    return np.ascontiguousarray(samples, np.float32).view(np.complex64)[..., 0]

"""Offsets of the images of a stack by patches that are matched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.context import MemoryPlan
from s1card.engine.native.offset import Offset, mean_offset
from s1card.engine.native.parallel import in_parallel
from s1card.engine.native.patch_match import Match, match
from s1card.engine.native.shift_network import Arc
from s1card.engine.native.stack_images import Image, ImageStack
from s1card.geometry.burst_resampling import deramp_samples
from s1card.geometry.tops import Carrier, SubSwath
from s1card.window import Window

Complex = NDArray[np.complex64]

PATCHES_ACROSS = 3
FARTHEST = 0.5
"""Samples by which a patch may differ from the middle one; one that differs by more has matched something else."""


@dataclass(frozen=True)
class PatchMatcher:
    """How patches are matched.

    Attributes:
        lines, pixels: Size of a patch; it is smaller where the valid samples of a burst are fewer.
        line_reach, pixel_reach: How far the match is looked for.
        threshold: Least coherence at the match.
    """

    lines: int
    pixels: int
    line_reach: int
    pixel_reach: int
    threshold: float

    def patches(self, bursts: SubSwath) -> list[Window]:
        """Patches in the middle of every burst: one, or up to three side by side; with what the search needs around."""
        return [
            patch.moved(k * bursts.lines_per_burst, 0)
            for k, valid in enumerate(bursts.valid)
            for patch in self._patches_in(valid)
        ]

    def _patches_in(self, valid: Window) -> list[Window]:
        rows = min(self.lines + 2 * self.line_reach, valid.rows)
        cols = min(self.pixels + 2 * self.pixel_reach, valid.cols)
        across = min(PATCHES_ACROSS, valid.cols // cols)
        row = valid.row + (valid.rows - rows) // 2
        return [
            Window(row, valid.col + ((2 * k + 1) * valid.cols // across - cols) // 2, rows, cols)
            for k in range(across)
        ]

    def matches(self, stack: ImageStack, arcs: Sequence[Arc], patch: Window) -> list[Match | None]:
        """Where the two images of every arc fit best in a patch; None where they do not."""
        burst = patch.row // stack.bursts.lines_per_burst
        local = patch.moved(-burst * stack.bursts.lines_per_burst, 0)
        images = [_without_carrier(image, stack.bursts.carriers[burst], local) for image in stack.read(patch)]
        return [self._match(images[arc.first], images[arc.second]) for arc in arcs]

    def _match(self, one: dict[str, Complex], two: dict[str, Complex]) -> Match | None:
        both = [(one[p], two[p]) for p in one if p in two]
        found = match(both, (self.line_reach, self.pixel_reach))
        return found if found is not None and found.coherence >= self.threshold else None


@dataclass(frozen=True)
class PairOffset:
    """Offset of an image against another one, in both directions; None where it is unknown."""

    lines: Offset | None
    pixels: Offset | None


def matched(
    stack: ImageStack, arcs: Sequence[Arc], matcher: PatchMatcher, plan: MemoryPlan
) -> list[PairOffset]:
    """Offsets of all arcs by their patches."""
    work = partial(matcher.matches, stack, arcs)
    by_patch = in_parallel(work, matcher.patches(stack.bursts), plan)
    offsets = []
    for k in range(len(arcs)):
        found = [one for matches in by_patch if (one := matches[k]) is not None]
        offsets.append(PairOffset(_joined([m.lines for m in found]), _joined([m.pixels for m in found])))
    return offsets


def _joined(offsets: Sequence[Offset]) -> Offset | None:
    """The mean of what patches say, weighted by their variances, without those that are far off the middle one."""
    if not offsets:
        return None
    middle = float(np.median([offset.value for offset in offsets]))
    near = [offset for offset in offsets if abs(offset.value - middle) <= FARTHEST]
    near = near or [min(offsets, key=lambda offset: offset.deviation)]
    return mean_offset(near, [max(offset.deviation, 1e-6) ** -2.0 for offset in near])


def _without_carrier(image: Image, carrier: Carrier, window: Window) -> dict[str, Complex]:
    """Samples without the carrier of the reference, whatever image they are of: that keeps the phase between images."""
    blank = {p: np.where(image.is_valid, one, np.complex64(0)) for p, one in image.samples.items()}
    parts = {p: one.view(np.float32).reshape(*one.shape, 2) for p, one in blank.items()}
    return {p: deramp_samples(one, carrier, window).view(np.complex64)[..., 0] for p, one in parts.items()}

"""Offsets of the secondaries of a stack: matched in patches, then refined in the overlaps of bursts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from s1card.engine.native.context import MemoryPlan
from s1card.engine.native.offset import Offset
from s1card.engine.native.pair import CoregisteredPair
from s1card.engine.native.product import Product
from s1card.engine.native.shift_network import Arc, Network
from s1card.engine.native.slc import require_bursts
from s1card.engine.native.spectral_diversity import BlockEstimator
from s1card.engine.native.stack_diversity import diverse
from s1card.engine.native.stack_images import ImageStack
from s1card.engine.native.stack_matching import PairOffset, PatchMatcher, matched


@dataclass(frozen=True)
class Method:
    """How offsets are found.

    Attributes:
        matcher: Of patches.
        estimator: Of blocks of overlaps.
        network: Joins the offsets of pairs of images.
        blocks: Of an overlap.
        given_lines, given_pixels: Offsets that are given instead, or None.
    """

    matcher: PatchMatcher
    estimator: BlockEstimator
    network: Network
    blocks: int
    given_lines: float | None = None
    given_pixels: float | None = None


@dataclass(frozen=True, eq=False)
class StackOffsets:
    """What is found of the secondaries of a product.

    Attributes:
        source: Bursts with secondaries on them.
        method: How.
        plan: Threads and memory.
    """

    source: Product
    method: Method
    plan: MemoryPlan

    def find(self) -> list[PairOffset]:
        """The offset of every secondary against the reference."""
        lines, pixels = self.method.given_lines, self.method.given_pixels
        if lines is not None and pixels is not None:
            return [PairOffset(given(lines), given(pixels)) for _ in self._pairs]
        bursts = require_bursts(self.source, "Enhanced-Spectral-Diversity")
        stack = ImageStack.of(bursts, self._pairs)
        stack = stack.moved([lines or 0.0 for _ in self._pairs], [pixels or 0.0 for _ in self._pairs])
        found = self._matched(stack)
        if pixels is not None:
            found = [PairOffset(offset.lines, given(pixels)) for offset in found]
        if lines is not None:
            return [PairOffset(given(lines), offset.pixels) for offset in found]
        return self._refined(stack, found)

    def _refined(self, stack: ImageStack, found: list[PairOffset]) -> list[PairOffset]:
        """Matches with their lines replaced by what overlaps say, which cannot tell a period (0.1 lines) from none.

        Matches can, but are much less exact: they count where they are beyond doubt, else the nearest period is right.
        """
        near = [o.lines.value if o.lines and o.lines.is_significant else 0.0 for o in found]
        is_given = self.method.given_pixels is not None
        across = [0.0 if is_given or o.pixels is None else o.pixels.value for o in found]
        arcs = self._arcs
        rest = self._joined(
            diverse(stack.moved(near, across), arcs, self.method.estimator, self.method.blocks, self.plan)
        )
        return [
            PairOffset(None if lines is None else lines.moved(start), offset.pixels)
            for lines, start, offset in zip(rest, near, found, strict=True)
        ]

    def _matched(self, stack: ImageStack) -> list[PairOffset]:
        found = matched(stack, self._arcs, self.method.matcher, self.plan)
        lines, pixels = self._joined([o.lines for o in found]), self._joined([o.pixels for o in found])
        return [PairOffset(y, x) for y, x in zip(lines, pixels, strict=True)]

    def _joined(self, offsets: Sequence[Offset | None]) -> list[Offset | None]:
        """Offsets of the secondaries from those of arcs."""
        return self.method.network.integrate(self._arcs, offsets, len(self._pairs) + 1)[1:]

    @property
    def _pairs(self) -> tuple[CoregisteredPair, ...]:
        return self.source.pairs

    @cached_property
    def _arcs(self) -> tuple[Arc, ...]:
        products = [self.source, *(pair.secondary for pair in self._pairs)]
        return self.method.network.arcs([product.annotation.first_line_time for product in products])


def given(value: float) -> Offset:
    """An offset that is not estimated."""
    return Offset(value, 0.0, 0)

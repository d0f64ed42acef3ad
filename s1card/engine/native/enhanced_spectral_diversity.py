"""Enhanced-Spectral-Diversity: secondaries are laid on the reference anew, moved by what the images themselves say.

Back-Geocoding knows orbits and timing to some centimetres. What is left is constant over a sub-swath: in range it is
found by matching patches, in azimuth by spectral diversity in the overlaps of bursts, which tells a thousandth of a
line. Secondaries are read from where they were found to lie: they are interpolated once only, as without this operator.

A shift is what the image of the secondary is moved by, down and to the right, as in SNAP: the negative offset of its
contents.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from s1card.engine.native.burst_overlaps import burst_overlaps
from s1card.engine.native.coherence import require_pairs
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.offset import Offset
from s1card.engine.native.pair import with_pairs
from s1card.engine.native.product import Product
from s1card.engine.native.shift_network import Network
from s1card.engine.native.slc import require_bursts
from s1card.engine.native.spectral_diversity import BlockEstimator
from s1card.engine.native.stack_matching import PatchMatcher
from s1card.engine.native.stack_offsets import Method, StackOffsets, given

OPERATOR = "Enhanced-Spectral-Diversity"

log = logging.getLogger(__name__)


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """The same images, secondaries moved by shifts that are estimated now, or given; without places, as in SNAP."""
    source, method = sources[0], method_of(parameters)
    pairs = require_pairs(source, OPERATOR)
    product, moved = source, []
    found = StackOffsets(source, method, context.surroundings.plan).find()
    for pair, offset in zip(pairs, found, strict=True):
        tag = f"{source.swath}_{pair.tag}"
        axes = Axis.azimuth(offset.lines, source, method), Axis.range(offset.pixels, method)
        moved.append(pair.aligned(pair.alignment.moved(axes[0].known.value, axes[1].known.value)))
        for axis in axes:
            product = product.with_measures(**axis.measures(tag))
            if axis.offset is None:
                log.warning("%s of %s: %s", OPERATOR, tag, axis.statement)
        statement = f"{tag}: {axes[0].statement}; {axes[1].statement}"
        log.info("%s of %s", OPERATOR, statement)
        product = product.with_fact(OPERATOR, statement)
    return with_pairs(product, moved)


def method_of(parameters: Parameters) -> Method:
    """What the parameters of a node ask for."""
    return Method(
        PatchMatcher(
            int(parameters["fineWinHeightStr"]),
            int(parameters["fineWinWidthStr"]),
            int(parameters["fineWinAccAzimuth"]),
            int(parameters["fineWinAccRange"]),
            float(parameters["xCorrThreshold"]),
        ),
        BlockEstimator(
            float(parameters["cohThreshold"]),
            str(parameters["weightFunc"]),
            parameters["esdEstimator"] == "Periodogram",
        ),
        Network(
            parameters["temporalBaselineType"] == "Number of days",
            int(parameters["maxTemporalBaseline"]),
            str(parameters["integrationMethod"]),
        ),
        int(parameters["numBlocksPerOverlap"]),
        -float(parameters["overallAzimuthShift"]) if parameters["useSuppliedAzimuthShift"] else None,
        -float(parameters["overallRangeShift"]) if parameters["useSuppliedRangeShift"] else None,
    )


@dataclass(frozen=True)
class Axis:
    """What is recorded of the shift of a secondary in one direction.

    Attributes:
        name, unit: Of the direction.
        counts: What estimates are made of.
        offset: None where it could not be estimated.
        is_given: Whether it comes from the graph.
        reason: Why it could not be estimated.
    """

    name: str
    unit: str
    counts: str
    offset: Offset | None
    is_given: bool
    reason: str

    @classmethod
    def azimuth(cls, offset: Offset | None, source: Product, method: Method) -> Axis:
        """Along the track, in lines."""
        can_be = bool(burst_overlaps(require_bursts(source, OPERATOR)))
        reason = "no overlap is coherent enough" if can_be else "no two bursts overlap"
        return cls("azimuth", "lines", "cells", offset, method.given_lines is not None, reason)

    @classmethod
    def range(cls, offset: Offset | None, method: Method) -> Axis:
        """Across the track, in samples."""
        reason = "no patch matches well enough"
        return cls("range", "samples", "patches", offset, method.given_pixels is not None, reason)

    @property
    def known(self) -> Offset:
        """The offset, or none at all."""
        return self.offset or given(0.0)

    @property
    def shift(self) -> float:
        """What the image is moved by."""
        return 0.0 - self.known.value

    @property
    def statement(self) -> str:
        """What the record says."""
        if self.offset is None:
            return f"{self.name} shift 0, not estimated: {self.reason}"
        value = f"{self.name} shift {self.shift:.5f}"
        if self.is_given:
            return f"{value} {self.unit} as given"
        return f"{value} +- {self.offset.deviation:.5f} {self.unit} of {self.offset.samples} {self.counts}"

    def measures(self, tag: str) -> dict[str, float]:
        """Shift, standard deviation (both in lines or samples) and of how much it is estimated, by name."""
        return {
            f"{self.name}_shift_{tag}": self.shift,
            f"{self.name}_deviation_{tag}": self.known.deviation,
            f"{self.name}_{self.counts}_{tag}": self.known.samples,
        }

"""Where the sub-swaths of a scene lie in range: the real layout, scaled to the wanted width."""

from __future__ import annotations

from dataclasses import dataclass

from s1card.simulate.image_facts import SAMPLING_RATE
from s1card.simulate.slc.beams import BEAMS, TopsBeam
from s1card.simulate.slc.config import FULL_SAMPLES, SlcPairConfig

OVERLAP = 540  # valid samples that neighbouring sub-swaths of full width share
MINIMUM_OVERLAP = 40
MINIMUM_MARGIN = 8  # invalid samples at both sides


@dataclass(frozen=True)
class Extent:
    """A sub-swath on the range grid that all sub-swaths of a scene share.

    Attributes:
        beam: The sub-swath at full width.
        start: Sample of the grid that is pixel 0.
        pixels: Width.
        first_pixel, last_pixel: First and last valid pixel.
    """

    beam: TopsBeam
    start: int
    pixels: int
    first_pixel: int
    last_pixel: int


@dataclass(frozen=True)
class Layout:
    """The range grid of a scene.

    Attributes:
        extents: All sub-swaths there are, by name.
        middle: Sample of the grid in the middle of the valid samples of the wanted sub-swaths.
        centre_time: Two-way slant range time at which the scene centre is to be seen, seconds.
    """

    extents: dict[str, Extent]
    middle: float
    centre_time: float


def make_layout(config: SlcPairConfig) -> Layout:
    """The range grid of a configuration."""
    extents = _extents(config)
    near, far = extents[config.swaths[0]], extents[config.swaths[-1]]
    first, last = near.start + near.first_pixel, far.start + far.last_pixel
    width = (last - first) / SAMPLING_RATE
    near_time = near.beam.start_time + near.beam.first_pixel / SAMPLING_RATE
    far_time = far.beam.start_time + far.beam.last_pixel / SAMPLING_RATE
    room = max(0.0, far_time - near_time - width)
    return Layout(extents, 0.5 * (first + last), near_time + config.range_position * room + 0.5 * width)


def _extents(config: SlcPairConfig) -> dict[str, Extent]:
    scale = config.samples / FULL_SAMPLES
    overlap = max(MINIMUM_OVERLAP, round(OVERLAP * scale))
    made: list[Extent] = []
    for beam in BEAMS.values():
        pixels = round(beam.pixels * scale)
        first = max(MINIMUM_MARGIN, round(beam.first_pixel * scale))
        last = pixels - 1 - max(MINIMUM_MARGIN, round((beam.pixels - 1 - beam.last_pixel) * scale))
        start = made[-1].start + made[-1].last_pixel + 1 - overlap - first if made else 0
        made.append(Extent(beam, start, pixels, first, last))
    return dict(zip(BEAMS, made, strict=True))

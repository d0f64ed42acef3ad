"""The thermal noise annotation of one image: ``annotation/calibration/noise-*.xml`` of every IPF generation.

Up to IPF 2.8x there is one list, ``noiseVectorList/noiseVector`` with ``noiseLut``; from 2.90 on there are
range vectors and, for TOPS modes, azimuth vectors that scale them block by block. What the generations are
known for:

- All-zero vectors of the first years stand for "no noise annotated". They are kept.
- Range vectors of SLC products start before line 0.
- Range vectors may end some hundred pixels before the last.
- An azimuth vector may end before the last line, or its block after it; one value alone is for all lines.
- Azimuth vectors of SLC products may lack the swath and the limits of their block: it is the whole image.
- A line or pixel may be listed twice in a row; the first counts.
"""

from __future__ import annotations

import numpy as np

from s1card.scene.records import Annotation, Floats32, Ints, Noise, NoiseAzimuthVector, NoiseRangeVector
from s1card.scene.xml import Node


def parse_noise(root: Node, annotation: Annotation) -> Noise:
    """The noise vectors as a record.

    Args:
        root: Root element (``noise``).
        annotation: Of the same image: gives the block of azimuth vectors that state none.

    Raises:
        SceneError: Range vectors are missing, or vectors are out of order, incomplete, NaN or negative.
    """
    ranges = root.children("noiseRangeVectorList/noiseRangeVector")
    table = "noiseRangeLut"
    if not ranges:
        ranges, table = root.children("noiseVectorList/noiseVector"), "noiseLut"
    if not ranges:
        raise root.error("there are no noise vectors")
    azimuths = root.children("noiseAzimuthVectorList/noiseAzimuthVector")
    return Noise(
        start_time=root.time("adsHeader/startTime"),
        stop_time=root.time("adsHeader/stopTime"),
        range_vectors=_in_order([_range_vector(node, table) for node in ranges], root),
        azimuth_vectors=tuple(_azimuth_vector(node, annotation) for node in azimuths),
    )


def _in_order(vectors: list[NoiseRangeVector], root: Node) -> tuple[NoiseRangeVector, ...]:
    lines = np.array([vector.line for vector in vectors])
    if (np.diff(lines) < 0).any():
        raise root.error("the noise vectors are not in order of line")
    return tuple(vectors[index] for index in np.unique(lines, return_index=True)[1])


def _range_vector(node: Node, table: str) -> NoiseRangeVector:
    pixel, value = _positions_and_values(node, "pixel", table)
    return NoiseRangeVector(node.time("azimuthTime"), node.integer("line"), pixel, value)


def _azimuth_vector(node: Node, annotation: Annotation) -> NoiseAzimuthVector:
    def limit(name: str, default: int) -> int:
        value = node.optional_integer(name)
        return default if value is None else value

    line, value = _positions_and_values(node, "line", "noiseAzimuthLut")
    return NoiseAzimuthVector(
        swath=annotation.swath if node.find("swath") is None else node.text("swath"),
        first_line=limit("firstAzimuthLine", 0),
        last_line=limit("lastAzimuthLine", annotation.lines - 1),
        first_pixel=limit("firstRangeSample", 0),
        last_pixel=limit("lastRangeSample", annotation.pixels - 1),
        line=line,
        value=value,
    )


def _positions_and_values(node: Node, positions: str, table: str) -> tuple[Ints, Floats32]:
    position, value = node.array(positions, np.int64), node.array(table, np.float32)
    if position.size != value.size:
        raise node.error(f"{table} has {value.size} values for {position.size} {positions}s")
    if (np.diff(position) < 0).any():
        raise node.error(f"the {positions}s of a noise vector do not increase")
    if (value < 0).any():
        raise node.error(f"{table} has negative values")
    kept = np.unique(position, return_index=True)[1]
    return position[kept], value[kept]

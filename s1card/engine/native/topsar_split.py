"""TOPSAR-Split: one sub-swath, some of its bursts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import shapely

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import LutOrigin, Pixels, Product, Signal
from s1card.engine.native.selection import of_polarizations
from s1card.engine.native.slc import require_bursts, stack_grid, valid_samples, with_signals
from s1card.engine.native.tie_grid import unwrapped_longitude
from s1card.errors import DataError, GraphError
from s1card.geometry.tops import SubSwath
from s1card.scene.records import GeolocationGrid
from s1card.window import Window


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """The bursts ``firstBurstIndex`` .. ``lastBurstIndex`` (from 1) of a sub-swath that touch ``wktAoi``."""
    part = _part(sources[0], parameters["subswath"])
    bursts = require_bursts(part, "TOPSAR-Split")
    signals = of_polarizations(part.signals, parameters["selectedPolarisations"] or (), part)
    first, last = _burst_range(bursts, parameters, part)
    if parameters["wktAoi"]:
        first, last = _touching(part, parameters["wktAoi"], first, last)
    chosen = bursts.select(first, last)
    origin = LutOrigin(part.lut_origin.line + first * bursts.lines_per_burst, part.lut_origin.pixel)
    product = replace(part, grid=stack_grid(chosen), bursts=chosen, lut_origin=origin)
    lines = first * bursts.lines_per_burst
    product = with_signals(product, [_moved(signal, chosen, lines) for signal in signals])
    return product.with_fact(
        "TOPSAR-Split", f"{part.swath} bursts {chosen.burst_ids[0]} to {chosen.burst_ids[-1]}"
    )


def _part(source: Product, swath: str | None) -> Product:
    """The wanted sub-swath, or the first."""
    parts = source.parts or (source,)
    if not swath:
        return parts[0]
    for part in parts:
        if part.swath == swath.upper():
            return part
    present = ", ".join(part.swath for part in parts)
    raise GraphError(f"there is no sub-swath {swath}; the scene has {present}", subject=source.scene.name)


def _burst_range(bursts: SubSwath, parameters: Parameters, part: Product) -> tuple[int, int]:
    """First and last burst, from 0."""
    count = len(bursts.burst_ids)
    first, last = int(parameters["firstBurstIndex"]), min(int(parameters["lastBurstIndex"]), count)
    if first > last:
        raise GraphError(
            f"bursts {first} to {parameters['lastBurstIndex']} of {part.swath} are asked for, which has {count}",
            subject=part.scene.name,
        )
    return first - 1, last - 1


def _touching(part: Product, wkt: str, first: int, last: int) -> tuple[int, int]:
    """The narrowest run of bursts that holds all those of ``first .. last`` that touch an area."""
    try:
        area = shapely.from_wkt(wkt)
    except shapely.GEOSException as error:
        raise GraphError(f"wktAoi is not a WKT geometry: {error}") from error
    outlines = burst_outlines(part)[first : last + 1]
    hits = [first + k for k, outline in enumerate(outlines) if outline.intersects(area)]
    if not hits:
        raise DataError(
            f"no burst of {part.swath} touches the wanted area",
            subject=part.scene.name,
            advice="Choose an area inside the scene, or another sub-swath",
        )
    return hits[0], hits[-1]


def burst_outlines(part: Product) -> list[shapely.Polygon]:
    """Outlines of the bursts of a sub-swath in longitude and latitude, from the annotated tie points."""
    bursts = require_bursts(part, "TOPSAR-Split")
    grid = part.annotation.geolocation_grid
    origin = part.lut_origin.line
    return [
        _outline(grid, origin + k * bursts.lines_per_burst, bursts.lines_per_burst)
        for k in range(len(bursts.burst_ids))
    ]


def _outline(grid: GeolocationGrid, line: int, lines: int) -> shapely.Polygon:
    """Tie points lie on the first lines of the bursts: a burst reaches to those of the next one and a little beyond."""
    i = int(np.argmin(np.abs(grid.line - line)))
    j = min(int(np.argmin(np.abs(grid.line - (line + lines)))), grid.line.size - 1)
    longitude = unwrapped_longitude(grid.longitude)
    ring = [(longitude[i], grid.latitude[i]), (longitude[j, ::-1], grid.latitude[j, ::-1])]
    return shapely.Polygon(np.concatenate([np.stack(side, axis=-1) for side in ring]))


def _moved(signal: Signal, bursts: SubSwath, lines: int) -> Signal:
    def read(window: Window) -> Pixels:
        return signal.read(window.moved(lines, 0))

    return replace(signal, read=read, valid=partial(valid_samples, bursts))

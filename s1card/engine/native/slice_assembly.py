"""SliceAssembly: consecutive slices of one datatake as one product.

What was annotated per slice is joined as well, so that, other than in SNAP, noise may be removed afterwards too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Band, LutOrigin, Pixels, Product, Signal
from s1card.engine.native.selection import of_polarizations
from s1card.engine.native.slc import stack_grid, whole, with_signals
from s1card.errors import GraphError
from s1card.geometry.radar_grid import radar_grid
from s1card.geometry.tops import joined_sub_swath
from s1card.scene.joining import SlicePlace, joined_orbit
from s1card.scene.slices import Assembly, assemble_slices
from s1card.window import Window

ReadWindow = Callable[[Window], NDArray[Any]]


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """The slices, in whatever order they are given, as one product under one name."""
    slices = sorted(sources, key=lambda source: source.scene.manifest.start_time)
    for source in slices:
        _require_whole(source)
    _require_same_state(slices)
    assembly = assemble_slices([source.scene for source in slices])
    wanted = tuple(parameters["selectedPolarisations"] or ())
    if not slices[0].parts:
        return _assembled(slices, assembly, wanted)
    numbers = range(len(slices[0].parts))
    return whole(tuple(_assembled([source.parts[k] for source in slices], assembly, wanted) for k in numbers))


def _require_whole(source: Product) -> None:
    """Slices are put together as they were delivered: annotation is addressed by line and pixel of the slice."""
    for part in source.parts or (source,):
        annotation = part.annotation
        shape = annotation.lines, annotation.pixels
        if part.shape != shape or part.lut_origin != LutOrigin():
            raise GraphError(
                "SliceAssembly needs whole slices",
                subject=source.scene.name,
                advice="Place it before TOPSAR-Split, Subset and whatever else changes the raster",
            )


def _require_same_state(slices: Sequence[Product]) -> None:
    states = {
        (
            source.is_noise_removed,
            source.is_calibrated,
            source.orbit.source,
            tuple(b.name for b in source.bands),
        )
        for source in slices
    }
    if len(states) > 1:
        raise GraphError(
            "the slices have been processed in different ways",
            subject=", ".join(source.scene.name for source in slices),
            advice="Give all of them the same operators, or place those behind SliceAssembly",
        )


def _assembled(slices: Sequence[Product], assembly: Assembly, polarizations: Sequence[str]) -> Product:
    """One image, or one sub-swath, over all slices."""
    first = slices[0]
    annotation = replace(first, scene=assembly.scene).annotation
    places = assembly.places[annotation.swath]
    product = replace(
        first,
        name=assembly.scene.name,
        scene=assembly.scene,
        orbit=joined_orbit([source.orbit for source in slices]),
    )
    product = product.with_fact("SliceAssembly", ", ".join(source.scene.name for source in slices))
    if not first.signals:
        columns = zip(*(of_polarizations(s.bands, polarizations, s) for s in slices), strict=True)
        bands = tuple(_joined_band(column, places) for column in columns)
        return replace(product, grid=radar_grid(annotation), bands=bands)
    bursts = joined_sub_swath(
        [source.bursts for source in slices if source.bursts is not None], [place.skipped for place in places]
    )
    images = zip(*(of_polarizations(s.signals, polarizations, s) for s in slices), strict=True)
    product = replace(product, grid=stack_grid(bursts), bursts=bursts)
    return with_signals(product, [_joined_signal(column, places) for column in images])


def _joined_band(bands: Sequence[Band], places: Sequence[SlicePlace]) -> Band:
    fill = 0.0 if bands[0].nodata is None else bands[0].nodata
    return replace(bands[0], read=_end_to_end([band.read for band in bands], places, fill))


def _joined_signal(signals: Sequence[Signal], places: Sequence[SlicePlace]) -> Signal:
    return replace(
        signals[0],
        read=_end_to_end([signal.read for signal in signals], places, 0.0),
        valid=_end_to_end([signal.valid for signal in signals], places, 0.0),
    )


def _end_to_end(readers: Sequence[ReadWindow], places: Sequence[SlicePlace], fill: float) -> ReadWindow:
    """A reader of the assembled image; ``fill`` where no slice has data."""

    def read(window: Window) -> Pixels:
        out: Pixels | None = None
        for reader, place in zip(readers, places, strict=True):
            for part, there in place.pieces(window):
                samples = reader(there)
                if part == window:
                    return samples
                if out is None:
                    out = np.full((*window.shape, *samples.shape[2:]), fill, samples.dtype)
                out[part.slices_in(window)] = samples
        return _nothing(readers[0], fill, window) if out is None else out

    return read


def _nothing(reader: ReadWindow, fill: float, window: Window) -> Pixels:
    """A window without data; one sample of the first slice tells type and depth."""
    sample = reader(Window(0, 0, 1, 1))
    return np.full((*window.shape, *sample.shape[2:]), fill, sample.dtype)

"""CreateStack: products of one lattice as one product on the grid of a reference.

Samples are moved by whole rows and columns and never interpolated, so that any kernel gives the same. Products whose
samples lie between those of the reference are refused: they need Terrain-Correction or Back-Geocoding first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.back_geocoding import MONTHS
from s1card.engine.native.band_merge import together
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.lattice_offset import offset_between
from s1card.engine.native.product import Band, Pixels, Product, Reader, Signal
from s1card.engine.native.slc import require_image
from s1card.engine.native.source_bands import NamedBand, named_bands
from s1card.engine.native.subset import crop
from s1card.errors import DataError, GraphError
from s1card.window import Window

MASTER, MINIMUM, MAXIMUM = "Master", "Minimum", "Maximum"
_REFERENCE_END = re.compile(r"_ref_\d{2}[A-Z][a-z]{2}\d{4}$")


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Bands ``Sigma0_VV_ref_12Jun2021``, ``Sigma0_VV_sec1_18Jun2021``, ``Sigma0_VH_sec2_18Jun2021`` ...

    As in SNAP these are the bands with the unit of the reference band, unless ``sourceBands`` names others, and
    every band of a secondary gets the next number (real and imaginary part one between them).
    """
    if len(sources) < 2:
        raise GraphError("CreateStack needs at least two products", subject=sources[0].scene.name)
    for source in sources:
        require_image(source, "CreateStack")
    masters = tuple(parameters["masterBands"] or ())
    reference = _reference(sources, masters)
    ordered = [reference, *(source for source in sources if source is not reference)]
    places = [offset_between(source, reference).window(source) for source in ordered]
    area = _area(places, parameters, ordered)
    chosen = _chosen(ordered, masters, tuple(parameters["sourceBands"] or ()))
    bands, signals = _stacked(ordered, chosen, [place.moved(-area.row, -area.col) for place in places])
    product = replace(together(ordered, (), ()), valid=None, shared=None, order=_order(reference))
    product = replace(
        crop(product, area),
        name=f"{reference.name}_Stack",
        bands=bands,
        signals=signals,
        is_stack=True,
    )
    return product.with_fact("CreateStack", ", ".join(date_of(source) for source in ordered))


def date_of(product: Product) -> str:
    """Date of the first line of the scene as SNAP writes it in band names: ``12Jun2021``."""
    first = product.annotation.first_line_time
    year, month, day = str(first.astype("datetime64[D]")).split("-")
    return f"{day}{MONTHS[int(month) - 1]}{year}"


def _reference(sources: Sequence[Product], masters: Sequence[str]) -> Product:
    """The product of the reference band: that which it names, or the first."""
    if len(masters) > 2:
        raise GraphError(
            "masterBands names more than one real band, or real and imaginary part",
            subject=sources[0].scene.name,
        )
    name = NamedBand.parse(masters[0]).product if masters else ""
    for source in sources:
        if name in ("", source.name):
            return source
    present = ", ".join(source.name for source in sources)
    raise GraphError(f"masterBands names the product {name}; the sources are {present}")


def _area(places: Sequence[Window], parameters: Parameters, products: Sequence[Product]) -> Window:
    """The wanted part of the lattice, in rows and columns of the reference.

    Raises:
        DataError: The products do not overlap.
        GraphError: SNAP does not allow it.
    """
    names = ", ".join(product.name for product in products)
    reference, extent = places[0], str(parameters["extent"])
    if extent not in (MASTER, MINIMUM, MAXIMUM):
        raise GraphError(f"extent {extent!r} of CreateStack is none of {MASTER}, {MINIMUM}, {MAXIMUM}")
    if extent != MASTER and parameters["resamplingType"] == "NONE":
        raise GraphError(
            f"CreateStack cannot give the extent {extent} with resamplingType NONE, as SNAP cannot",
            advice=f"Set extent to {MASTER}, or name a kernel (samples are not interpolated here in any case)",
        )
    if any(reference.intersection(place).is_empty for place in places):
        raise DataError("the products of a stack do not overlap", subject=names)
    if extent == MASTER or is_stack(products[0]):
        return reference
    area = reduce(Window.intersection if extent == MINIMUM else _enclosing, places)
    if area.is_empty:
        raise DataError("the products of a stack have no area in common", subject=names)
    return area


def _enclosing(a: Window, b: Window) -> Window:
    row, col = min(a.row, b.row), min(a.col, b.col)
    return Window(row, col, max(a.row_end, b.row_end) - row, max(a.col_end, b.col_end) - col)


def is_stack(product: Product) -> bool:
    """Whether it is a stack already, to which others are added: its bands keep their names."""
    return any(_REFERENCE_END.search(band.name) for band in product.bands)


def _chosen(products: Sequence[Product], masters: Sequence[str], names: Sequence[str]) -> list[list[Band]]:
    """Bands of every product, the reference (first product) with its reference band in front."""
    first = _master_bands(products[0], masters)
    if names and names[0] not in masters:
        chosen = named_bands(names, products)
    else:
        units = {band.unit for band in first}
        chosen = [[b for b in product.real_bands() if b.unit in units] for product in products]
    for band in (band for bands in (first, *chosen) for band in bands):
        if band.unit == "phase":
            raise GraphError(f"a stack has no phases, but {band.name} is chosen", subject=products[0].name)
    if is_stack(products[0]):
        return [list(products[0].real_bands()), *chosen[1:]]
    own = [band for band in chosen[0] if band.name not in {b.name for b in first}]
    return [[*first, *own], *chosen[1:]]


def _master_bands(reference: Product, masters: Sequence[str]) -> list[Band]:
    """The reference band, or both parts of a complex one: as named, or the first of the product."""
    if masters:
        bands = [reference.band(NamedBand.parse(name).band) for name in masters]
        if len(bands) == 1 and bands[0].unit == "real":
            bands.append(reference.band(f"q_{bands[0].name.removeprefix('i_')}"))
        return bands
    if reference.signals:
        return list(reference.signals[0].bands[:2])
    if not reference.real_bands():
        raise GraphError("the reference of a stack has no band", subject=reference.name)
    return [reference.real_bands()[0]]


def _stacked(
    products: Sequence[Product], chosen: Sequence[Sequence[Band]], places: Sequence[Window]
) -> tuple[tuple[Band, ...], tuple[Signal, ...]]:
    """Bands and complex images under their names in the stack."""
    number = _first_number(chosen[0])
    bands: list[Band] = []
    signals: list[Signal] = []
    for product, wanted, place in zip(products, chosen, places, strict=True):
        for layer in _layers(product, wanted):
            end = f"_sec{number}_{date_of(product)}"
            if product is products[0]:
                end = "" if is_stack(product) else f"_ref_{date_of(product)}"
            else:
                number += 1
            if isinstance(layer, Signal):
                signals.append(_placed_signal(layer, end, place))
                bands += signals[-1].bands
            else:
                bands.append(_placed_band(layer, end, place))
    return tuple(bands), tuple(signals)


def _first_number(bands: Sequence[Band]) -> int:
    """The number of the next secondary band, counted as SNAP does."""
    number = 1
    for band in bands:
        number += f"_sec{number}" in band.name
    return number


def _layers(product: Product, bands: Sequence[Band]) -> Iterator[Band | Signal]:
    """Complex images and other bands among some bands of a product, in their order.

    Raises:
        GraphError: Only one part of a complex image is among them.
    """
    of_signals = {band.name: signal for signal in product.signals for band in signal.bands[:2]}
    names, done = {band.name for band in bands}, set()
    for band in bands:
        signal = of_signals.get(band.name)
        if signal is None:
            yield band
        elif signal not in done:
            done.add(signal)
            if not {part.name for part in signal.bands[:2]} <= names:
                raise GraphError(
                    f"{band.name} is chosen without the other part of the complex image",
                    subject=product.name,
                )
            yield signal


def _placed_band(band: Band, end: str, place: Window) -> Band:
    fill = _fill(band)
    read = partial(_read, band.read, place, partial(np.full, fill_value=fill, dtype=band.dtype))
    return replace(band, name=f"{band.name}{end}", read=read, is_virtual=False)


def _fill(band: Band) -> float:
    if band.nodata is not None:
        return float(band.nodata)
    return math.nan if np.dtype(band.dtype).kind == "f" else 0.0


def _placed_signal(signal: Signal, end: str, place: Window) -> Signal:
    def nothing(shape: tuple[int, int]) -> Pixels:
        return np.zeros((*shape, 2), signal.dtype)

    return replace(
        signal,
        name=f"{signal.name}{end}",
        virtual_name=f"{signal.virtual_name}{end}" if signal.virtual_name else "",
        read=partial(_read, signal.read, place, nothing),
        valid=partial(_read, signal.valid, place, partial(np.zeros, dtype=np.bool_)),
    )


def _read(
    read: Reader, place: Window, nothing: Callable[[tuple[int, int]], NDArray[Any]], window: Window
) -> Pixels:
    """A window of the stack from a product that lies at a place on it."""
    part = window.intersection(place)
    if part == window:
        return read(window.moved(-place.row, -place.col))
    out = nothing(window.shape)
    if not part.is_empty:
        out[part.slices_in(window)] = read(part.moved(-place.row, -place.col))
    return out


def _order(reference: Product) -> Callable[[Window], float] | None:
    """The order of work of the reference, also where windows lie beyond it."""
    order, whole = reference.order, reference.grid.window
    return None if order is None else lambda window: order(_nearest_inside(window, whole))


def _nearest_inside(window: Window, whole: Window) -> Window:
    part = window.intersection(whole)
    if not part.is_empty:
        return part
    row = min(max(window.row, 0), whole.rows - 1)
    col = min(max(window.col, 0), whole.cols - 1)
    return Window(row, col, 1, 1)

"""BandMerge: the bands of several products of one size and place in one product."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Band, Product, Signal
from s1card.engine.native.source_bands import named_bands
from s1card.engine.native.subset import turn
from s1card.errors import GraphError
from s1card.geometry.map_grid import MapGrid

Floats = NDArray[np.float64]


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """All bands of the sources, or those of ``sourceBands``, on the grid of the first source.

    A name that is taken gets the first free one of the ends ``_2``, ``_3`` ...
    """
    for source in sources:
        _require_same_place(sources[0], source, float(parameters["geographicError"]))
    names = tuple(parameters["sourceBands"] or ())
    chosen = named_bands(names, sources) if names else [list(source.bands) for source in sources]
    gathered = Gathered()
    for source, bands in zip(sources, chosen, strict=True):
        gathered.add(source, bands, named=bool(names))
    product = together(sources, tuple(gathered.bands.values()), tuple(gathered.signals))
    return product.with_fact("BandMerge", ", ".join(dict.fromkeys(source.name for source in sources)))


@dataclass(eq=False)
class Gathered:
    """Bands of several products under names that differ."""

    bands: dict[str, Band] = field(default_factory=dict)
    signals: list[Signal] = field(default_factory=list)

    def add(self, source: Product, bands: Sequence[Band], *, named: bool) -> None:
        """Add bands of a product; complex images stay whole if both of their parts are among them."""
        names = {band.name for band in bands}
        whole = {
            band.name: signal
            for signal in source.signals
            if {f"i_{signal.name}", f"q_{signal.name}"} <= names
            for band in signal.bands
        }
        done = set()
        for band in bands:
            signal = whole.get(band.name)
            if signal is None:
                name = f"{band.name}{free_end([band.name], self.bands)}"
                self.bands[name] = replace(band, name=name, is_virtual=band.is_virtual and not named)
            elif signal not in done:
                done.add(signal)
                self._add_signal(signal, names if named else set())

    def _add_signal(self, signal: Signal, named: set[str]) -> None:
        end = free_end([band.name for band in signal.bands], self.bands)
        virtual_name = f"{signal.virtual_name}{end}" if signal.virtual_name else ""
        new = replace(signal, name=f"{signal.name}{end}", virtual_name=virtual_name)
        self.signals.append(new)
        for old, band in zip(signal.bands, new.bands, strict=True):
            self.bands[band.name] = replace(band, is_virtual=band.is_virtual and old.name not in named)


def free_end(names: Collection[str], taken: Collection[str]) -> str:
    """What makes none of the names one that is taken: nothing, or ``_2``, ``_3`` ..."""
    ends = (f"_{number}" if number > 1 else "" for number in count(1))
    return next(end for end in ends if not any(f"{name}{end}" in taken for name in names))


def together(sources: Sequence[Product], bands: tuple[Band, ...], signals: tuple[Signal, ...]) -> Product:
    """The first source with other bands and what is known of all sources."""
    facts = list(sources[0].facts)
    for source in sources[1:]:
        end = "" if source.scene.name == sources[0].scene.name else f" of {source.scene.name}"
        facts += [(f"{name}{end}", said) for name, said in source.facts if (name, said) not in facts]
    return replace(
        sources[0],
        bands=bands,
        signals=signals,
        pairs=tuple(dict.fromkeys(pair for source in sources for pair in source.pairs)),
        facts=tuple(facts),
        measures=tuple(dict.fromkeys(measure for source in sources for measure in source.measures)),
        is_calibrated=any(source.is_calibrated for source in sources),
        is_noise_removed=any(source.is_noise_removed for source in sources),
        is_stack=any(source.is_stack or source.scene.name != sources[0].scene.name for source in sources),
    )


def _require_same_place(first: Product, other: Product, tolerance: float) -> None:
    """Refuse a product of another size or place than the first one.

    Raises:
        GraphError: Size, bursts or the places of the corners differ, or it has no single raster.
    """
    names = ", ".join(dict.fromkeys((first.name, other.name)))
    if other.parts:
        raise GraphError(
            "BandMerge needs single rasters, a source has several sub-swaths",
            subject=names,
            advice="Place TOPSAR-Split before it",
        )
    if other.shape != first.shape:
        raise GraphError(
            f"BandMerge needs products of one size, not {_size(first)} and {_size(other)}", subject=names
        )
    if not _same_bursts(first, other):
        raise GraphError("BandMerge needs products of the same bursts", subject=names)
    distance = largest_distance(first, other)
    if not distance <= tolerance:
        raise GraphError(
            f"the corners of the products lie {distance:.2g} degrees apart, geographicError allows {tolerance:g}",
            subject=names,
            advice="Bring them onto one grid first, or allow more",
        )


def _size(product: Product) -> str:
    return f"{product.shape[0]} x {product.shape[1]}"


def _same_bursts(first: Product, other: Product) -> bool:
    if first.bursts is None or other.bursts is None:
        return first.bursts is other.bursts
    return first.bursts.burst_ids == other.bursts.burst_ids and first.swath == other.swath


def largest_distance(first: Product, other: Product) -> float:
    """Largest difference of latitude or longitude at the corners, degrees."""
    a, b = corner_places(first), corner_places(other)
    return float(max(np.abs(a[0] - b[0]).max(), np.abs(turn(a[1] - b[1])).max()))


def corner_places(product: Product) -> tuple[Floats, Floats]:
    """Latitude and longitude of the four corner samples, degrees."""
    rows, cols = product.shape
    row, col = np.array([0.0, 0.0, rows - 1.0, rows - 1.0]), np.array([0.0, cols - 1.0, 0.0, cols - 1.0])
    grid = product.grid
    if not isinstance(grid, MapGrid):
        return product.tie_grid.position(row, col)
    to_geographic = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    longitude, latitude = to_geographic.transform(grid.x(col), grid.y(row))
    return np.asarray(latitude), np.asarray(longitude)

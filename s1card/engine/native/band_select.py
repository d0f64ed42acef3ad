"""BandSelect: some of the bands of a product."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Band, Product
from s1card.engine.native.selection import with_bands
from s1card.errors import GraphError


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """The bands that are named, of the wanted polarizations, whose names match; what is unset does not narrow.

    Of a product of several sub-swaths each keeps its own, and those without any are left out.
    """
    source = sources[0]
    parts = source.parts or (source,)
    _require(source, parts, tuple(parameters["sourceBands"] or ()))
    kept = [with_bands(part, names) for part in parts if (names := _names(part, parameters))]
    if not kept:
        present = ", ".join(band.name for part in parts for band in part.bands)
        raise GraphError(f"BandSelect leaves no band of {present}", subject=source.scene.name)
    if not source.parts:
        return kept[0]
    return kept[0] if len(kept) == 1 else replace(kept[0], name=source.name, parts=tuple(kept))


def _require(source: Product, parts: Sequence[Product], names: tuple[str, ...]) -> None:
    present = [band.name for part in parts for band in part.bands]
    missing = [name for name in names if name not in present]
    if missing:
        raise GraphError(f"no band {missing[0]!r}; there are {', '.join(present)}", subject=source.scene.name)


def _names(part: Product, parameters: Parameters) -> tuple[str, ...]:
    """Names of the bands that are kept; a virtual band only where it is named."""
    named = tuple(parameters["sourceBands"] or ())
    bands = [band for band in part.bands if (band.name in named if named else not band.is_virtual)]
    return tuple(band.name for band in bands if _is_wanted(band, part, parameters))


def _is_wanted(band: Band, part: Product, parameters: Parameters) -> bool:
    polarizations = tuple(parameters["selectedPolarisations"] or ())
    swaths = tuple(parameters["selectedSubImages"] or ())
    pattern = str(parameters["bandNamePattern"] or "")
    return (
        (not polarizations or band.polarization in polarizations)
        and (not swaths or part.swath in swaths)
        and (not pattern or re.fullmatch(pattern, band.name) is not None)
    )

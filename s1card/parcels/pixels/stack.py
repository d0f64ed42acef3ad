"""Any GeoTIFFs: one of several bands, or several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from s1card.errors import DataError, UsageError
from s1card.parcels.pixels.codes import (
    CLASSES,
    POLARIZATIONS,
    named_bands,
    polarization_code,
    polarization_in,
    sentinel2_code,
)
from s1card.parcels.pixels.footprints import grid_footprint
from s1card.parcels.pixels.naming import Facts, facts_of_name, facts_of_tags, merged, observe
from s1card.parcels.pixels.rasters import RasterHeader, read_header, require_same_grid
from s1card.parcels.pixels.records import Given, PixelBand, PixelSource
from s1card.source import storage

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,15}")
_CODE = re.compile(r"(VV|VH|HH|HV)([bc])")


def open_stack(
    locations: Sequence[str], *, bands: Sequence[str] = (), given: Given | None = None, source: str = ""
) -> PixelSource:
    """The pixels of GeoTIFFs that lie pixel on pixel.

    Bands are named by the descriptions in the files; of several files of one band, also by their names (``..._VV.tif``,
    ``..._B04.tif``); else the user names them in the order of file or list. A band called VV gets the code VVb or VVc
    by the kind of card. Scale, offset and no-data value are those of the files.

    Args:
        locations: One file of any number of bands, or several files of one band each.
        bands: Names or codes of bands.
        given: What the user states, where names and tags do not say it.
        source: Where they are, if that is not the first location.

    Raises:
        DataError: A file is unreadable, grids differ, or file and user contradict each other.
        NetworkError: The object store does not answer, or refuses.
        UsageError: It is unknown what the bands are, or which observation this is.
    """
    given = given or Given()
    headers = [read_header(location) for location in locations]
    source = source or locations[0]
    if len(headers) > 1 and any(header.count != 1 for header in headers):
        raise DataError(
            "files of a stack have one band each",
            subject=source,
            advice="Give files of several bands one by one",
        )
    places = [(header, index) for header in headers for index in range(1, header.count + 1)]
    names = [_stated_name(header, index, by_file=len(headers) > 1) for header, index in places]
    chosen = named_bands(names, [_plain_name(name) for name in bands], source)
    facts = _facts(source, headers[0])
    card = given.card or facts.card or _card_of([*bands, *(name for _, name in chosen)])
    found = tuple(_band(places[at - 1], name, card, given) for at, name in chosen)
    require_same_grid(found, source)
    observation = observe(
        _reference(locations, source, headers[0]),
        replace(facts, card=card),
        given,
        grid_footprint(headers[0].grid),
        source,
    )
    return PixelSource(observation, found)


def _stated_name(header: RasterHeader, index: int, *, by_file: bool) -> str:
    """What a file calls a band: by the description, or by the name of a file of one band; "" if nothing does."""
    described = header.descriptions[index - 1]
    known = polarization_in(described) or sentinel2_code(described)
    if known or _NAME.fullmatch(described):
        return known or _plain_name(described)
    stem = storage.base_name(header.location).rpartition(".")[0]
    return (polarization_in(stem) or sentinel2_code(stem)) if by_file or header.count == 1 else ""


def _plain_name(name: str) -> str:
    """A name or code as a name: ``VVb`` is VV, ``B4`` is B04."""
    code = _CODE.fullmatch(name)
    return code[1] if code else (sentinel2_code(name) or name)


def _card_of(names: Sequence[str]) -> str:
    """The kind of card that names and codes of bands tell: Sentinel-2's, or ``VVb``."""
    if names and all(sentinel2_code(name) for name in names):
        return "s2"
    return "bs" if any((match := _CODE.fullmatch(name)) and match[2] == "b" for name in names) else ""


def _band(place: tuple[RasterHeader, int], name: str, card: str, given: Given) -> PixelBand:
    header, index = place
    stated = header.nodata[index - 1]
    code = polarization_code(name, card) if name in POLARIZATIONS else name
    band = header.band(index, code, name, nodata=stated if given.nodata is None else given.nodata)
    return replace(band, is_classes=name == CLASSES)


def _facts(source: str, header: RasterHeader) -> Facts:
    stem = _stem(source)
    own = facts_of_name(_stem(header.location))
    return merged(facts_of_tags(header.tags), merged(facts_of_name(stem), own))


def _reference(locations: Sequence[str], source: str, header: RasterHeader) -> str:
    """Name of the product: of the card, of the folder or file, or what the names of several files begin with."""
    if header.tags.get("CARD_ID"):
        return header.tags["CARD_ID"]
    if len(locations) > 1 and source == locations[0]:
        common = _common_words([_stem(location) for location in locations])
        if not common:
            raise UsageError(
                "the names of the files have no beginning in common",
                subject=source,
                advice="State the reference, the name of the product",
            )
        return common
    return _stem(source)


def _common_words(names: Sequence[str]) -> str:
    """What names between underscores begin with alike."""
    alike = takewhile(
        lambda words: len(set(words)) == 1, zip(*(name.split("_") for name in names), strict=False)
    )
    return "_".join(words[0] for words in alike)


def _stem(location: str) -> str:
    name = storage.base_name(location)
    return name.rpartition(".")[0] if name.lower().endswith((".tif", ".tiff")) else name

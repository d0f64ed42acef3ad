"""One door to all sources of pixels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from s1card.errors import DataError, UsageError
from s1card.parcels.pixels.card import is_card_item, open_card_pixels
from s1card.parcels.pixels.legacy import open_legacy_backscatter, open_legacy_coherence
from s1card.parcels.pixels.naming import stated
from s1card.parcels.pixels.records import Given, PixelSource
from s1card.parcels.pixels.sentinel2 import METADATA, open_sentinel2
from s1card.parcels.pixels.stack import open_stack
from s1card.source import storage

_TIFF = (".tif", ".tiff")
_KNOWN = (
    "Give a card of s1card, a CARD-BS (.dim) or CARD-COH6 (.tif) of the JRC system, a Sentinel-2 L2A .SAFE, or "
    "GeoTIFFs"
)


def open_pixels(
    location: str | Path | Sequence[str | Path],
    *,
    bands: Sequence[str] = (),
    given: Given | None = None,
    verify: bool = False,
) -> PixelSource:
    """Where the pixels of an observation are. Headers are read, pixels are not.

    Args:
        location: A card (folder or its ``.json``), a card of the JRC system (``.dim``, ``.data``, ``.tif`` or the
            folder of one), a Sentinel-2 L2A product (``.SAFE`` or ``.zip``), a GeoTIFF or a folder of them; a path or
            ``s3://bucket/key``. Several GeoTIFFs are one observation.
        bands: Which bands, by name or code (``VV``, ``VVb``, ``B04``), where the source names its bands; what they are,
            in the order of the file, where it does not. By default all, of Sentinel-2 B04, B08 and SCL.
        given: What the user states of the observation, instead of what the source says.
        verify: Whether to compare the checksums that a card states, which reads it as a whole.

    Raises:
        DataError: There is nothing, or nothing that holds pixels; it is damaged, or lacks a band.
        NetworkError: The object store does not answer, or refuses.
        UsageError: The source does not say all that has to be known, and the user does not either.
    """
    given = given or Given()
    if not isinstance(location, str | Path):
        places = [str(place) for place in location]
        if len(places) != 1:
            return _open_several(places, bands, given)
        location = places[0]
    place = str(location)
    place = place.rstrip("/") or place
    name = place.lower()
    if name.endswith(".json"):
        return _open_card(place, bands, given, verify=verify)
    if name.endswith((".dim", ".data", ".img", ".hdr")):
        return open_legacy_backscatter(place, bands=bands, given=given)
    if name.endswith((".safe", ".zip")) or storage.base_name(place) == METADATA:
        return _open_safe(place, bands, given)
    if name.endswith(_TIFF):
        return _open_tiff(place, bands, given)
    return _open_folder(place, bands, given, verify=verify)


def _open_several(places: Sequence[str], bands: Sequence[str], given: Given) -> PixelSource:
    if not places:
        raise UsageError("no location is given", advice=_KNOWN)
    others = [place for place in places if not place.lower().endswith(_TIFF)]
    if others:
        raise UsageError(
            "only GeoTIFFs make one observation together",
            subject=others[0],
            advice="Give other sources one by one",
        )
    return open_stack(places, bands=bands, given=given)


def _open_card(place: str, bands: Sequence[str], given: Given, *, verify: bool) -> PixelSource:
    card = open_card_pixels(place, bands=bands, verify=verify)
    return PixelSource(stated(card.observation, given), card.bands, card.incidence)


def _open_safe(place: str, bands: Sequence[str], given: Given) -> PixelSource:
    if storage.base_name(place).startswith("S1"):
        raise DataError(
            "a Sentinel-1 product is not a card yet",
            subject=place,
            advice="Make one with `s1card bs` or `s1card coh6`",
        )
    return open_sentinel2(place, bands=bands, given=given)


def _open_tiff(place: str, bands: Sequence[str], given: Given) -> PixelSource:
    if _is_legacy_coherence(place):
        return open_legacy_coherence(place, bands=bands, given=given)
    return open_stack([place], bands=bands, given=given)


def _is_legacy_coherence(place: str) -> bool:
    """Whether a name is that of the JRC system's coherence, of which more than one pattern is about."""
    return re.search(r"CARD-COH(6|12)", storage.base_name(place)) is not None


def _open_folder(place: str, bands: Sequence[str], given: Given, *, verify: bool) -> PixelSource:
    """What a folder holds is told by the names in it."""
    names = storage.list_names(place)
    if not names:
        raise DataError("there is nothing", subject=place, advice="Check the path")
    tiffs = [name for name in names if name.lower().endswith(_TIFF)]
    if METADATA in names:
        return open_sentinel2(place, bands=bands, given=given)
    if any(is_card_item(name) for name in names):
        return _open_card(place, bands, given, verify=verify)
    if any(name.lower().endswith(".data/") for name in names):
        return open_legacy_backscatter(place, bands=bands, given=given)
    if len(tiffs) == 1:
        return _open_tiff(storage.join(place, tiffs[0]), bands, given)
    if tiffs:
        places = [storage.join(place, name) for name in tiffs]
        return open_stack(places, bands=bands, given=given, source=place)
    raise DataError("it holds no pixels of a kind that is known", subject=place, advice=_KNOWN)

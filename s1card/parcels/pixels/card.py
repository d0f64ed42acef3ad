"""Our own cards, by their STAC item."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shapely.errors import ShapelyError
from shapely.geometry import shape

from s1card.card.stac import COG_TYPE, multihash
from s1card.errors import DataError
from s1card.parcels.pixels.codes import (
    POLARIZATIONS,
    coherence_card,
    polarization_code,
    polarization_in,
    wanted,
)
from s1card.parcels.pixels.naming import to_utc
from s1card.parcels.pixels.rasters import DAMAGED, read_header, require_same_grid
from s1card.parcels.pixels.records import PixelBand, PixelSource
from s1card.parcels.records import Observation
from s1card.source import storage

_COHERENCE = "CARD_COH"
_INCIDENCE = "inc"
_AGAIN = "Make the card again, or fetch it again"
_CHUNK = 1 << 22


def open_card_pixels(location: str, *, bands: Sequence[str] = (), verify: bool = False) -> PixelSource:
    """The pixels of a card.

    Sizes of files and headers of rasters are compared with what the item says of them; a damaged tile shows when it is
    read, or not at all if it still decodes: ``verify`` finds any damage, at the cost of reading everything once more.

    Args:
        location: Folder of the card, or its item.
        bands: Polarizations or band codes; all of the card by default.
        verify: Whether to compare checksums.

    Raises:
        DataError: It is no card, is damaged, or lacks a band.
        NetworkError: The object store does not answer, or refuses.
    """
    address = location if location.endswith(".json") else _find_item(location)
    item = _read_item(address)
    try:
        observation = _observation(item, address)
        rasters = {name: asset for name, asset in item["assets"].items() if asset.get("type") == COG_TYPE}
        present = [name for name in rasters if name in POLARIZATIONS]
        if not present:
            raise DataError("the card has no band VV, VH, HH or HV", subject=address, advice=_AGAIN)
        names = wanted(bands, present, observation.card, address)
        found = tuple(_band(name, rasters[name], observation.card, address, verify=verify) for name in names)
        incidence = rasters.get(_INCIDENCE)
        angle = None if incidence is None else _band(_INCIDENCE, incidence, "", address, verify=verify)
    except (KeyError, TypeError, AttributeError, ValueError, ShapelyError) as error:
        raise DataError(f"the STAC item is damaged: {error!r}", subject=address, advice=_AGAIN) from error
    require_same_grid([*found, *([angle] if angle else [])], observation.reference)
    return PixelSource(observation, found, angle)


def is_card_item(name: str) -> bool:
    """Whether a file may be the item of a card."""
    return name.lower().endswith(".json")


def _find_item(folder: str) -> str:
    """The item in a card's folder: named like it, or the only one."""
    names = [name for name in storage.list_names(folder) if is_card_item(name)]
    own = f"{storage.base_name(folder)}.json"
    if own in names or len(names) == 1:
        return storage.join(folder, own if own in names else names[0])
    raise DataError("not a card: it holds no STAC item, or several", subject=folder, advice=_AGAIN)


def _read_item(address: str) -> dict[str, Any]:
    try:
        item = json.loads(storage.read_bytes(address))
    except ValueError as error:
        raise DataError(f"the STAC item is damaged: {error}", subject=address, advice=_AGAIN) from error
    if not isinstance(item, dict) or not isinstance(item.get("id"), str) or "assets" not in item:
        raise DataError("not the STAC item of a card", subject=address, advice="Give the folder of a card")
    return item


def _observation(item: Mapping[str, Any], address: str) -> Observation:
    properties = item["properties"]
    time = to_utc(datetime.fromisoformat(properties["datetime"]))
    other = properties.get("s1card:secondary_datetime")
    pair_time = to_utc(datetime.fromisoformat(other)) if other else None
    is_coherence = str(properties.get("product:type", item["id"])).upper().startswith(_COHERENCE)
    if is_coherence and pair_time is None:
        raise DataError(
            "the card does not say which dates its coherence is of", subject=address, advice=_AGAIN
        )
    platforms = properties.get("s1card:platforms", ())
    return Observation(
        reference=item["id"],
        obstime=time,
        sensor=str(properties["platform"]).rsplit("-", 1)[1].upper(),
        card=coherence_card(time, pair_time) if pair_time else "bs",
        footprint=shape(item["geometry"]),
        orbit_direction=properties.get("sat:orbit_state"),
        relative_orbit=properties.get("sat:relative_orbit"),
        pair_sensor=str(platforms[1]).upper().removeprefix("S") if pair_time and len(platforms) > 1 else None,
        pair_time=pair_time,
        source=storage.parent(address),
        checksum=_checksum(item["assets"]),
    )


def _checksum(assets: Mapping[str, Mapping[str, Any]]) -> str:
    """SHA-256 over the checksums of all rasters, in the order of their names; "" where one states none."""
    sums = [
        str(asset.get("file:checksum", ""))
        for _, asset in sorted(assets.items())
        if asset.get("type") == COG_TYPE
    ]
    return hashlib.sha256("\n".join(sums).encode()).hexdigest() if sums and all(sums) else ""


def _band(name: str, asset: Mapping[str, Any], card: str, address: str, *, verify: bool) -> PixelBand:
    href = str(asset["href"])
    raster = href if "://" in href else storage.join(storage.parent(address), href)
    size = storage.file_size(raster)
    if size != asset.get("file:size", size):
        raise DataError(
            f"the raster has {size} bytes, the card says {asset['file:size']}", subject=raster, advice=DAMAGED
        )
    if verify:
        _require_checksum(raster, size, str(asset["file:checksum"]))
    header = read_header(raster)
    stated = polarization_in(header.descriptions[0])
    if header.count != 1 or (name in POLARIZATIONS and stated not in ("", name)):
        what = f"{header.count} bands" if header.count != 1 else f"band {stated}"
        raise DataError(f"the raster given for {name} holds {what}", subject=raster, advice=_AGAIN)
    return header.band(1, polarization_code(name, card), name, nodata=header.nodata[0])


def _require_checksum(raster: str, size: int, stated: str) -> None:
    digest = hashlib.sha256()
    for start in range(0, size, _CHUNK):
        digest.update(storage.read_range(raster, start, min(_CHUNK, size - start)))
    if multihash(digest.hexdigest()) != stated:
        raise DataError("the raster has another checksum than the card says", subject=raster, advice=DAMAGED)

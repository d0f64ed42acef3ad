"""The card: one folder that holds rasters, their description and their origin."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from s1card.card.folder import atomic_folder
from s1card.card.footprint import valid_footprint
from s1card.card.provenance import portable_graph
from s1card.card.quicklook import quicklook
from s1card.card.raster_facts import RasterFacts, read_facts
from s1card.card.records import KINDS, CardBand, CardContext
from s1card.card.stac import COG_TYPE, POLARIZATIONS, FileFacts, WrittenBand, build_item, dump_item, multihash
from s1card.errors import DataError

_BAND_ORDER = (*POLARIZATIONS, "inc", "lia", "dem", "mask", "area")
_AGAIN = "Make the card again with --overwrite"


@dataclass(frozen=True)
class Card:
    """A finished card.

    Attributes:
        id: Its identity, also the name of its STAC item.
        folder: Where it is.
        bands: Band name to raster; always by name, never by position.
        is_new: Whether it was made just now.
    """

    id: str
    folder: Path
    bands: Mapping[str, Path]
    is_new: bool = False

    @property
    def item(self) -> Path:
        """The STAC item."""
        return self.folder / f"{self.id}.json"


def assemble_card(
    bands: Sequence[CardBand], context: CardContext, out: Path, *, overwrite: bool = False
) -> Card:
    """Make a card from rasters that were written elsewhere. The rasters are moved, not copied.

    Args:
        bands: At least one polarization, and layers; in any order.
        context: How the rasters came to be.
        out: Folder of cards; the card becomes ``out/<id>``.
        overwrite: Whether to replace a card of the same id.

    Raises:
        UsageError: The card exists, or ``out`` cannot be written.
        DataError: A raster is unreadable, not on the grid, or has no valid pixel.
        ResourceError: The disk is full.
    """
    final = out / context.card_id
    with atomic_folder(final, overwrite=overwrite) as staging:
        complete_card(staging, bands, context)
    return replace(open_card(final), is_new=True)


def complete_card(staging: Path, bands: Sequence[CardBand], context: CardContext) -> None:
    """Fill a folder (see ``atomic_folder``) with a card: rasters, graph, quicklook, STAC item.

    Rasters that already lie there under their final name (``raster_name``) stay; others are moved in.

    Raises:
        DataError: A raster is unreadable, not on the grid, or has no valid pixel.
    """
    ordered = sorted(bands, key=lambda band: (_rank(band.name), band.name))
    data = [band.name for band in ordered if band.name in POLARIZATIONS]
    if not data:
        raise DataError("a card needs at least one polarization", subject=context.card_id)
    written = [_take(band, staging, context) for band in ordered]
    by_name = {one.band.name: one.facts for one in written}
    graph = _write(staging / f"{context.card_id}.xml", portable_graph(context.graph_xml).encode())
    picture = _write(
        staging / f"{context.card_id}.png",
        quicklook({name: by_name[name].path for name in data}, is_coherence=KINDS[context.kind].is_coherence),
    )
    footprint = valid_footprint(by_name[data[0]])
    item = build_item(context, written, footprint, graph, picture)
    _write(staging / f"{context.card_id}.json", dump_item(item))


def raster_name(card_id: str, band: str) -> str:
    """File name of a band of a card."""
    return f"{card_id}_{band}.tif"


def open_card(folder: Path) -> Card:
    """Open a card by its STAC item; the presence of its rasters is checked, their content is not.

    Raises:
        DataError: The folder is no card, or a raster is missing.
    """
    item = _read_item(folder)
    bands = {
        name: folder / asset["href"]
        for name, asset in item["assets"].items()
        if asset.get("type") == COG_TYPE
    }
    missing = [path.name for path in bands.values() if not path.is_file()]
    if missing or not bands:
        raise DataError(
            f"rasters are missing: {', '.join(missing) or 'all'}", subject=item["id"], advice=_AGAIN
        )
    return Card(item["id"], folder, MappingProxyType(bands))


def verify_card(folder: Path) -> Card:
    """Open a card and compare every file with what the STAC item says of it.

    Size and SHA-256 of all files; polarization, CRS, shape and transform of the rasters, from their headers.

    Raises:
        DataError: The folder is no card, or something differs; the message names every difference.
    """
    card = open_card(folder)
    item = _read_item(folder)
    problems = [
        f"{asset['href'].removeprefix('./')}: {problem}"
        for name, asset in item["assets"].items()
        for problem in _problems(folder, name, asset, item["properties"])
    ]
    if problems:
        raise DataError(
            f"differs from its description: {'; '.join(problems)}", subject=card.id, advice=_AGAIN
        )
    return card


def _rank(band: str) -> int:
    return _BAND_ORDER.index(band) if band in _BAND_ORDER else len(_BAND_ORDER)


def _take(band: CardBand, staging: Path, context: CardContext) -> WrittenBand:
    """Bring a raster under its final name and read back what it says of itself."""
    target = staging / raster_name(context.card_id, band.name)
    if band.path != target:
        shutil.move(band.path, target)
    facts = read_facts(target)
    if _is_swapped(facts, band.name):
        raise DataError(f"the raster given for {band.name} holds {facts.band}", subject=target.name)
    _require_grid(facts, context)
    return WrittenBand(band, FileFacts(target.name, band.size, band.sha256), facts)


def _is_swapped(facts: RasterFacts, name: str) -> bool:
    """Whether a raster says that it holds another polarization; bands are called ``VV`` or ``Gamma0_VV``."""
    stated = facts.band.rsplit("_", 1)[-1]
    return stated in POLARIZATIONS and stated != name


def _require_grid(facts: RasterFacts, context: CardContext) -> None:
    grid = context.grid
    on_grid = facts.shape == grid.shape and _same_transform(facts.transform, grid.transform)
    if not on_grid or facts.epsg != grid.epsg:
        raise DataError(
            "the raster is not on the grid of the card: it has "
            f"EPSG {facts.epsg}, shape {facts.shape}, transform {facts.transform}; "
            f"the grid has EPSG {grid.epsg}, shape {grid.shape}, transform {grid.transform}",
            subject=facts.path.name,
        )


def _same_transform(first: Sequence[float], second: Sequence[float]) -> bool:
    return len(first) == len(second) and all(
        math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-12) for a, b in zip(first, second, strict=True)
    )


def _write(path: Path, content: bytes) -> FileFacts:
    path.write_bytes(content)
    return FileFacts(path.name, len(content), hashlib.sha256(content).hexdigest())


def _read_item(folder: Path) -> dict[str, Any]:
    """The STAC item in a card's folder; it is named like the folder, or stands alone in a renamed one."""
    candidates = [path for path in (folder / f"{folder.name}.json",) if path.is_file()] or list(
        folder.glob("*.json")
    )
    if len(candidates) != 1:
        raise DataError("not a card: it holds no STAC item", subject=str(folder))
    try:
        item: dict[str, Any] = json.loads(candidates[0].read_bytes())
        if not (isinstance(item["id"], str) and item["properties"]["proj:shape"]):
            raise ValueError("it has no id or no shape")
        for asset in item["assets"].values():
            _ = asset["href"], asset["type"], asset["file:size"], asset["file:checksum"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"the STAC item is damaged: {error}", subject=candidates[0].name, advice=_AGAIN
        ) from error
    return item


def _problems(folder: Path, name: str, asset: Mapping[str, Any], properties: Mapping[str, Any]) -> list[str]:
    """What is wrong with one file of a card."""
    path = folder / asset["href"]
    if not path.is_file():
        return ["missing"]
    problems = []
    if path.stat().st_size != asset["file:size"]:
        problems.append(f"{path.stat().st_size} bytes instead of {asset['file:size']}")
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if multihash(digest) != asset["file:checksum"]:
        problems.append("other checksum")
    if asset["type"] == COG_TYPE:
        problems += _raster_problems(path, name, properties)
    return problems


def _raster_problems(path: Path, name: str, properties: Mapping[str, Any]) -> list[str]:
    try:
        facts = read_facts(path)
    except DataError as error:
        return [error.message]
    crs = f"EPSG:{facts.epsg}" if facts.epsg else facts.wkt
    stated = properties.get("proj:code") or properties.get("proj:wkt2")
    problems = []
    if _is_swapped(facts, name):
        problems.append(f"holds band {facts.band} instead of {name}")
    if crs != stated:
        problems.append(f"CRS {crs} instead of {stated}")
    if list(facts.shape) != properties["proj:shape"]:
        problems.append(f"shape {list(facts.shape)} instead of {properties['proj:shape']}")
    if not _same_transform(facts.transform, properties.get("proj:transform", ())):
        problems.append(f"transform {list(facts.transform)} instead of {properties.get('proj:transform')}")
    return problems

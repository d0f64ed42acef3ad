"""Cards of the JRC system: CARD-BS as BEAM-DIMAP, CARD-COH6 and COH12 as a GeoTIFF of two bands. No data is 0."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from s1card.errors import DataError, UsageError
from s1card.parcels.pixels.codes import POLARIZATIONS, named_bands, polarization_code, polarization_in, wanted
from s1card.parcels.pixels.footprints import grid_footprint
from s1card.parcels.pixels.naming import Facts, facts_of_name, merged, observe
from s1card.parcels.pixels.rasters import DAMAGED, RasterHeader, read_header, require_same_grid
from s1card.parcels.pixels.records import Given, PixelBand, PixelSource
from s1card.scene.xml import parse_xml
from s1card.source import storage

NODATA = 0.0
_GAMMA0 = re.compile(r"Gamma0_(VV|VH|HH|HV)\.img", re.IGNORECASE)
_INCIDENCE = "incidenceAngleFromEllipsoid.img"


def open_legacy_backscatter(
    location: str, *, bands: Sequence[str] = (), given: Given | None = None
) -> PixelSource:
    """The pixels of a CARD-BS of the JRC system: ``Gamma0_VV.img`` and its like in a ``.data`` folder.

    The orbit direction is known only where the ``.dim`` lies beside the folder.

    Args:
        location: The ``.dim``, its ``.data`` folder, a file in that, or the folder that holds both.
        bands: Polarizations or band codes; all there are by default.
        given: What the user states.

    Raises:
        DataError: Bands or headers are missing, or a file is shorter than its header says.
        NetworkError: The object store does not answer, or refuses.
        UsageError: The name does not say which acquisition it is, and the user does not either.
    """
    given = given or Given()
    folder = _data_folder(location)
    names = storage.list_names(folder)
    images = {match[1].upper(): name for name in names if (match := _GAMMA0.fullmatch(name))}
    if not images:
        raise DataError(
            "it holds no Gamma0_VV.img or Gamma0_VH.img",
            subject=folder,
            advice="Give a CARD-BS product; other quantities are read as ENVI files or GeoTIFFs with given names",
        )
    present = [name for name in POLARIZATIONS if name in images]
    found = tuple(
        replace(_envi_band(folder, images[name], names), code=polarization_code(name, "bs"), name=name)
        for name in wanted(bands, present, "bs", folder)
    )
    angle = _envi_band(folder, _INCIDENCE, names) if _INCIDENCE in names else None
    require_same_grid([*found, *([angle] if angle else [])], folder)
    reference = storage.base_name(folder).removesuffix(".data")
    facts = merged(_facts_of_dim(folder), merged(facts_of_name(reference), Facts(card="bs")))
    footprint = grid_footprint(found[0].grid)
    return PixelSource(observe(reference, facts, given, footprint, folder), found, angle)


def open_legacy_coherence(
    location: str, *, bands: Sequence[str] = (), given: Given | None = None
) -> PixelSource:
    """The pixels of a CARD-COH6 or COH12 of the JRC system.

    Its two bands are not named, and their order is not the same everywhere: it has to be given.

    Args:
        location: The GeoTIFF.
        bands: Polarizations in the order of the file; of a file that names its bands, those that are wanted.
        given: What the user states.

    Raises:
        DataError: The file is unreadable, or names its bands otherwise.
        NetworkError: The object store does not answer, or refuses.
        UsageError: Neither the file nor the user says what the bands are.
    """
    given = given or Given()
    header = read_header(location)
    facts = facts_of_name(storage.base_name(location).rpartition(".")[0])
    card = given.card or facts.card
    order = [polarization_in(text) for text in header.descriptions]
    nodata = NODATA if given.nodata is None else given.nodata
    found = tuple(
        header.band(order_index, polarization_code(name, card), name, nodata=nodata)
        for order_index, name in named_bands(order, [_polarization(name) for name in bands], location)
    )
    reference = storage.base_name(location).rpartition(".")[0]
    return PixelSource(observe(reference, facts, given, grid_footprint(header.grid), location), found)


def _polarization(name: str) -> str:
    """The polarization of a name or band code."""
    found = polarization_in(name[:2]) if len(name) <= 3 else ""
    if not found:
        raise UsageError(f"{name!r} is no polarization", advice=f"Use {', '.join(POLARIZATIONS)}")
    return found


def _data_folder(location: str) -> str:
    if location.lower().endswith(".dim"):
        return location[:-4] + ".data"
    if location.lower().endswith((".img", ".hdr")):
        return storage.parent(location)
    if location.lower().endswith(".data"):
        return location
    folders = [name for name in storage.list_names(location) if name.lower().endswith(".data/")]
    if len(folders) != 1:
        raise DataError(
            f"it holds {len(folders) or 'no'} .data folders",
            subject=location,
            advice="Give the .dim of one product",
        )
    return storage.join(location, folders[0])


def _envi_band(folder: str, image: str, names: Sequence[str]) -> PixelBand:
    """A band of ENVI; its bytes are counted, because a short file reads as zeros, which are no data."""
    header_name = f"{image[:-4]}.hdr"
    if header_name not in names:
        raise DataError(f"the header {header_name} is missing", subject=folder, advice=DAMAGED)
    location = storage.join(folder, image)
    header = read_header(location)
    _require_size(header, location)
    return header.band(1, "", image[:-4], nodata=NODATA)


def _require_size(header: RasterHeader, location: str) -> None:
    expected = header.grid.rows * header.grid.cols * np.dtype(header.dtypes[0]).itemsize * header.count
    size = storage.file_size(location)
    if size < expected:
        raise DataError(
            f"the file has {size} bytes, its header says {expected}", subject=location, advice=DAMAGED
        )


def _facts_of_dim(folder: str) -> Facts:
    """Pass and relative orbit from SNAP's metadata, where the document lies beside the folder."""
    document = folder[: -len(".data")] + ".dim"
    if not storage.is_file(document):
        return Facts()
    root = parse_xml(storage.read_bytes(document), document)
    values = {
        node.element.get("name", ""): (node.element.text or "").strip() for node in root.children(".//MDATTR")
    }
    direction, orbit = values.get("PASS", "").lower(), values.get("REL_ORBIT", "")
    return Facts(
        orbit_direction=direction if direction in ("ascending", "descending") else None,
        relative_orbit=int(orbit) if orbit.isdigit() and 0 < int(orbit) <= 175 else None,
    )

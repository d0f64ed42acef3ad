"""Finished outputs as bands: cards, GeoTIFF, BEAM-DIMAP, ENVI, and folders of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

from s1card.engine.compare.document import DocumentBand, band_file, read_document
from s1card.engine.compare.names import Meaning, meaning_of
from s1card.engine.compare.private_tag import dimap_tag
from s1card.errors import DataError

TIFFS, ENVI, DIMAP = (".tif", ".tiff"), (".img", ".hdr"), ".dim"
_CARD_BANDS = ("VV", "VH", "HH", "HV", "inc", "lia", "mask", "dem", "area")


@dataclass(frozen=True)
class Band:
    """One band of a finished output.

    Attributes:
        name: Its name.
        meaning: What it holds.
        path: File with its samples.
        index: Its number in the file, from 1.
        shape: Rows and columns.
        wkt: Coordinate reference system, "" in radar geometry.
        transform: Affine coefficients (a, b, c, d, e, f) of pixel corners, None in radar geometry.
        nodata: Value of samples without data, besides NaN; None: there is none.
        factor, offset: The quantity is the sample times ``factor`` plus ``offset``.
        unit: Its unit, "" where nothing states it.
    """

    name: str
    meaning: Meaning
    path: Path
    index: int
    shape: tuple[int, int]
    wkt: str
    transform: tuple[float, ...] | None
    nodata: float | None
    factor: float = 1.0
    offset: float = 0.0
    unit: str = ""


@dataclass(frozen=True)
class Raster:
    """A finished output: bands that belong together.

    Attributes:
        name: Name for messages.
        bands: Its bands.
    """

    name: str
    bands: tuple[Band, ...]


@contextmanager
def quiet_about_radar() -> Iterator[None]:
    """No warning that a raster has no place on a map. Not for threads: filters of warnings are global."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def open_output(path: Path) -> Raster:
    """One finished output.

    Args:
        path: A raster, a BEAM-DIMAP document or its ``.data`` folder, a card, or a folder of rasters, one band each.

    Raises:
        DataError: There is none, or it cannot be read.
    """
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise DataError("does not exist", subject=str(path))
    return open_files([path], path.name)


def open_files(paths: Sequence[Path], name: str) -> Raster:
    """Files that make one output.

    Raises:
        DataError: One of them cannot be read, or they hold no band.
    """
    with quiet_about_radar():
        bands = tuple(band for path in paths for band in _file(path))
    if not bands:
        raise DataError("holds no band with samples", subject=name)
    return Raster(name, bands)


def products_below(path: Path) -> dict[str, Path]:
    """Outputs in a folder of outputs, by name; empty where the path is a single output."""
    if not path.is_dir() or path.suffix == ".data":
        return {}
    documents = {p.stem: p for p in path.glob(f"*{DIMAP}")}
    folders = {p.name: p for p in path.iterdir() if p.is_dir() and p.suffix != ".data" and _rasters(p)}
    found = documents | folders
    return found if len(found) > 1 or (folders and not _rasters(path) and not documents) else {}


def _folder(path: Path) -> Raster:
    if path.suffix == ".data" and path.with_suffix(DIMAP).is_file():
        return open_output(path.with_suffix(DIMAP))
    documents = sorted(path.glob(f"*{DIMAP}"))
    if len(documents) == 1:
        return open_output(documents[0])
    rasters = _rasters(path)
    if not rasters:
        raise DataError(
            "the folder holds no raster",
            subject=str(path),
            advice="Name a card, a GeoTIFF, a BEAM-DIMAP document or an ENVI file",
        )
    return open_files(rasters, path.name)


def _rasters(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in (*TIFFS, ".img") and p.is_file())


def _file(path: Path) -> Iterable[Band]:
    suffix = path.suffix.lower()
    if suffix == DIMAP:
        return _dimap(path)
    image = path.with_suffix(".img") if suffix == ".hdr" else path
    if suffix in ENVI and _has_document(image):
        return [b for b in _dimap(image.parent.with_suffix(DIMAP)) if b.path.name == image.name]
    if suffix in TIFFS:
        return _tiff(image)
    return _plain(image)


def _has_document(image: Path) -> bool:
    return image.parent.suffix == ".data" and image.parent.with_suffix(DIMAP).is_file()


def _dimap(path: Path) -> list[Band]:
    document = read_document(path.read_bytes(), path.name)
    bands = []
    for stated in document.bands:
        if stated.is_virtual or not stated.href:
            continue
        (plain,) = _plain(band_file(path, stated))
        place = replace(plain, wkt=document.wkt, transform=document.transform) if document.wkt else plain
        bands.append(_as_stated(place, stated, path.name))
    return bands


def _tiff(path: Path) -> list[Band]:
    """Bands of a GeoTIFF, under the names of SNAP's private tag where it is there and fits."""
    bands, data = _plain(path), dimap_tag(path)
    if not data:
        return bands
    stated = [b for b in read_document(data, path.name).bands if not b.is_virtual]
    if len(stated) != len(bands):
        return bands
    return [_as_stated(band, about, path.name) for band, about in zip(bands, stated, strict=True)]


def _as_stated(band: Band, stated: DocumentBand, product: str) -> Band:
    nodata = band.nodata if stated.nodata is None else stated.nodata
    meaning = meaning_of(stated.name, stated.unit, product)
    return replace(
        band,
        name=stated.name,
        meaning=meaning,
        nodata=nodata,
        factor=stated.factor,
        offset=stated.offset,
        unit=stated.unit,
    )


def _plain(path: Path) -> list[Band]:
    """Bands as the header of the raster has them."""
    try:
        with rasterio.open(path) as source:
            return [_stated_band(path, source, index) for index in source.indexes]
    except RasterioIOError as error:
        raise DataError(f"cannot be read as a raster: {error}", subject=str(path)) from error


def _band_name(path: Path, source: rasterio.DatasetReader, index: int) -> str:
    """What the file states; else the end of a card's file name; else the file's name, or the number of the band."""
    stated = source.descriptions[index - 1] or ""
    if stated:
        return str(stated)
    last = path.stem.rsplit("_", 1)[-1]
    if source.count > 1:
        return f"band {index}"
    return last if last in _CARD_BANDS and "_CARD_" in path.stem else path.stem


def _stated_band(path: Path, source: rasterio.DatasetReader, index: int) -> Band:
    has_place = source.crs is not None and not source.transform.is_identity
    name, unit = _band_name(path, source, index), str(source.units[index - 1] or "")
    return Band(
        name,
        meaning_of(name, unit, path.name),
        path,
        index,
        (source.height, source.width),
        source.crs.to_wkt() if has_place else "",
        tuple(source.transform)[:6] if has_place else None,
        source.nodatavals[index - 1],
        unit=unit,
    )

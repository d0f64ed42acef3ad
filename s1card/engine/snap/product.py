"""Reading what SNAP wrote: BEAM-DIMAP with names, units and nodata; GeoTIFF as far as it says."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from lxml import etree
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from s1card.errors import DataError
from s1card.geometry.map_grid import MapGrid
from s1card.window import Window

AGAIN = "Run it again with --engine native, or look at SNAP's log"
STRIPE = 512
ANGLES = ("deg", "degrees")
"""Units of bands that are 0 outside the image, also where SNAP does not declare it."""
LAYER_UNITS = ("m", "meters", "deg", "degrees", "bitmask")
"""Units of bands that hold data even where there is no image: heights, coordinates, angles, masks."""


@dataclass(frozen=True)
class SnapBand:
    """A band in a file.

    Attributes:
        name: Name of the band.
        unit, description: As SNAP states them.
        dtype: Sample type by numpy's name.
        nodata: Value that means no data, None for none.
        file: Raster file.
        index: Number of the band in it, from 1.
    """

    name: str
    unit: str
    description: str
    dtype: str
    nodata: float | None
    file: Path
    index: int = 1


@dataclass(frozen=True)
class SnapProduct:
    """A product that SNAP wrote.

    Attributes:
        path: Its document or file.
        rows, cols: Size of its raster.
        grid: Its map grid, None in radar geometry.
        bands: Its bands, without virtual ones.
    """

    path: Path
    rows: int
    cols: int
    grid: MapGrid | None
    bands: tuple[SnapBand, ...]


class BandReader:
    """Windows of one band, NaN or zero where there is no data."""

    def __init__(self, band: SnapBand, dataset: Any) -> None:
        self.band = band
        self._dataset = dataset

    def read(self, window: Window) -> NDArray[Any]:
        """Samples of a window.

        Raises:
            DataError: The file is damaged.
        """
        rows, cols = (window.row, window.row_end), (window.col, window.col_end)
        try:
            data: NDArray[Any] = self._dataset.read(self.band.index, window=(rows, cols))
        except RasterioError as error:
            raise DataError(
                f"it cannot be read: {error}", subject=str(self.band.file), advice=AGAIN
            ) from error
        return data

    def valid(self, data: NDArray[Any]) -> NDArray[np.bool_]:
        """Which samples hold data."""
        known = np.isfinite(data) if data.dtype.kind in "fc" else np.ones(data.shape, np.bool_)
        nodata = self.band.nodata
        if nodata is not None and not math.isnan(nodata):
            known &= data != data.dtype.type(nodata)
        return known


@contextmanager
def open_band(band: SnapBand) -> Iterator[BandReader]:
    """A band for reading.

    Raises:
        DataError: Its file is missing or damaged.
    """
    try:
        with _open(band.file) as dataset:
            yield BandReader(band, dataset)
    except RasterioError as error:
        raise DataError(f"it cannot be read: {error}", subject=str(band.file), advice=AGAIN) from error


def _open(path: Path) -> Any:
    """A raster; that it has no map coordinates, as all in radar geometry, is no news."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path)


def read_product(path: Path) -> SnapProduct | None:
    """What a file that SNAP wrote holds; None of a format that is not looked into.

    Raises:
        DataError: It is missing, empty or damaged.
    """
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        raise DataError("SNAP ended well but wrote nothing", subject=path.name, advice=AGAIN)
    if path.suffix.lower() == ".dim":
        return _read_dimap(path)
    if path.suffix.lower() in (".tif", ".tiff"):
        return _read_geotiff(path)
    return None


def has_data(product: SnapProduct) -> bool:
    """Whether a product holds a single valid sample that is not a height, a coordinate or a mask."""
    bands = [band for band in product.bands if band.unit not in LAYER_UNITS]
    return any(_has_data(band, product) for band in bands or product.bands)


def _has_data(band: SnapBand, product: SnapProduct) -> bool:
    with open_band(band) as reader:
        for row in range(0, product.rows, STRIPE):
            rows = min(STRIPE, product.rows - row)
            data = reader.read(Window(row, 0, rows, product.cols))
            if (reader.valid(data) & (data != 0)).any():
                return True
    return False


def _read_dimap(path: Path) -> SnapProduct:
    root = _document(path)
    rows, cols = (_whole(root, f"Raster_Dimensions/{name}", path) for name in ("NROWS", "NCOLS"))
    if rows < 1 or cols < 1:
        raise DataError(f"SNAP wrote an empty raster of {rows} x {cols}", subject=path.name, advice=AGAIN)
    files = {
        _text(element, "BAND_INDEX"): _href(element) for element in root.iterfind("Data_Access/Data_File")
    }
    bands = tuple(
        _dimap_band(element, path.parent / files[_text(element, "BAND_INDEX")], rows, cols)
        for element in root.iterfind("Image_Interpretation/Spectral_Band_Info")
        if _text(element, "BAND_INDEX") in files and _text(element, "VIRTUAL_BAND").lower() != "true"
    )
    if not bands:
        raise DataError("SNAP wrote a product without bands", subject=path.name, advice=AGAIN)
    return SnapProduct(path, rows, cols, _dimap_grid(root, rows, cols), bands)


def _document(path: Path) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        return etree.parse(path, parser).getroot()
    except etree.XMLSyntaxError as error:
        raise DataError(f"SNAP's document is damaged: {error}", subject=path.name, advice=AGAIN) from error


def _dimap_band(element: etree._Element, header: Path, rows: int, cols: int) -> SnapBand:
    name, dtype = _text(element, "BAND_NAME"), _text(element, "DATA_TYPE")
    file = header.with_suffix(".img")
    size = file.stat().st_size if file.is_file() else 0
    if size < rows * cols * np.dtype(dtype).itemsize:
        raise DataError(
            f"SNAP left band {name} unfinished: {size} bytes of {rows * cols * np.dtype(dtype).itemsize}",
            subject=file.name,
            advice=AGAIN,
        )
    if float(_text(element, "SCALING_FACTOR") or 1) != 1 or float(_text(element, "SCALING_OFFSET") or 0) != 0:
        raise DataError(f"band {name} is scaled, which no radar band is", subject=file.name, advice=AGAIN)
    is_used = _text(element, "NO_DATA_VALUE_USED").lower() == "true"
    unit = _text(element, "PHYSICAL_UNIT")
    nodata = float(_text(element, "NO_DATA_VALUE") or 0) if is_used or unit in ANGLES else None
    return SnapBand(name, unit, _text(element, "BAND_DESCRIPTION"), dtype, nodata, file)


def _dimap_grid(root: etree._Element, rows: int, cols: int) -> MapGrid | None:
    wkt = root.findtext("Coordinate_Reference_System/WKT")
    transform = root.findtext("Geoposition/IMAGE_TO_MODEL_TRANSFORM")
    if not (wkt and transform):
        return None
    a, d, b, e, left, top = (float(text) for text in transform.split(","))
    if b or d or e >= 0:
        return None
    return MapGrid(_crs_name(wkt), left, top, a, -e, rows, cols)


def _read_geotiff(path: Path) -> SnapProduct:
    """A GeoTIFF of SNAP: its nodata value stands in a private tag alone, and is 0 for all images."""
    try:
        with _open(path) as dataset:
            names = [text or f"band_{k}" for k, text in enumerate(dataset.descriptions, 1)]
            nodata = 0.0 if dataset.nodata is None else dataset.nodata
            bands = tuple(
                SnapBand(name, "", "", str(dtype), nodata, path, index)
                for index, (name, dtype) in enumerate(zip(names, dataset.dtypes, strict=True), 1)
            )
            t = dataset.transform
            grid = None
            if dataset.crs is not None and not (t.b or t.d):
                crs = _crs_name(dataset.crs.to_wkt())
                grid = MapGrid(crs, t.c, t.f, t.a, -t.e, dataset.height, dataset.width)
            return SnapProduct(path, dataset.height, dataset.width, grid, bands)
    except RasterioError as error:
        raise DataError(f"SNAP's file cannot be read: {error}", subject=path.name, advice=AGAIN) from error


def _crs_name(wkt: str) -> str:
    """``EPSG:n`` where the CRS is one, also by other names, else WKT."""
    try:
        crs = CRS.from_wkt(wkt)
    except CRSError:
        return wkt
    code = crs.to_epsg() or crs.to_epsg(min_confidence=25)
    return f"EPSG:{code}" if code and _agree(crs, CRS.from_epsg(code)) else wkt


def _agree(crs: CRS, other: CRS) -> bool:
    """Whether two CRS give a point the same coordinates, whatever their parts are called."""
    area = other.area_of_use
    if area is None:
        return False
    lon, lat = (area.west + area.east) / 2 + 0.1, (area.south + area.north) / 2 + 0.1
    places = [Transformer.from_crs("EPSG:4326", c, always_xy=True).transform(lon, lat) for c in (crs, other)]
    return all(math.isclose(a, b, rel_tol=0.0, abs_tol=1e-3) for a, b in zip(*places, strict=True))


def same_crs(first: MapGrid, second: MapGrid) -> bool:
    """Whether two grids are on the same map, whatever their CRS are called: by the corners of the first."""
    if first.crs == second.crs:
        return True
    left, bottom, right, top = first.bounds
    transformer = Transformer.from_crs(first.pyproj_crs, second.pyproj_crs, always_xy=True)
    x, y = transformer.transform([left, right], [bottom, top])
    limit = 1e-3 * min(first.spacing_x, first.spacing_y)
    shifts = (*np.subtract(x, [left, right]), *np.subtract(y, [bottom, top]))
    return bool(np.all(np.abs(shifts) <= limit))  # false for infinite ones


def _text(element: etree._Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _href(element: etree._Element) -> str:
    file = element.find("DATA_FILE_PATH")
    return "" if file is None else file.get("href", "")


def _whole(root: etree._Element, name: str, path: Path) -> int:
    text = _text(root, name)
    if not text.isdigit():
        raise DataError(f"SNAP's document lacks {name}", subject=path.name, advice=AGAIN)
    return int(text)

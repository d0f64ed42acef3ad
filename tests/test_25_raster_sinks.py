"""Rasters as files: any order gives the same bytes, and other readers read what was written."""

from __future__ import annotations

import errno
import hashlib
import os
import runpy
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from lxml import etree
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window as RasterioWindow
from rio_cogeo import cog_validate

from s1card.errors import GraphError, ResourceError, S1CardError
from s1card.geometry.map_grid import MapGrid
from s1card.raster import FORMATS, BandSpec, CogSink, RasterSink, TileCodec, forced_path, open_sink, tiff
from s1card.window import Window

NAN = float("nan")
BANDS = [BandSpec("Gamma0_VV", "1", "gamma0 < 1 of VV"), BandSpec("Gamma0_VH", "1", "gamma0 of VH")]
TAGS = {"GRAPH_SHA256": "00ff", "NOTE": 'a < b & "c" - Köln'}
AUTO_UTM = (  # a CRS without EPSG code, as SNAP makes it for AUTO:42001
    'PROJCS["UTM Zone 32 / World Geodetic System 1984",GEOGCS["World Geodetic System 1984",'
    'DATUM["World Geodetic System 1984",SPHEROID["WGS 84",6378137.0,298.257223563]],'
    'PRIMEM["Greenwich",0.0],UNIT["degree",0.017453292519943295]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["central_meridian",9.25],PARAMETER["latitude_of_origin",0.0],'
    'PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000.0],'
    'PARAMETER["false_northing",0.0],UNIT["m",1.0]]'
)
LAEA = "+proj=laea +lat_0=52 +lon_0=10 +x_0=4321000 +y_0=3210000 +ellps=GRS80 +units=m +no_defs"


def grid(rows: int, cols: int, crs: str = "EPSG:32632") -> MapGrid:
    degrees = crs == "EPSG:4326"
    left, top, spacing = (9.0, 45.5, 0.0001) if degrees else (500_000.0, 5_000_000.0, 10.0)
    return MapGrid(crs, left, top, spacing, spacing, rows, cols)


def speckle(rows: int, cols: int, seed: int = 0) -> np.ndarray:
    """Bands of float32 with a NaN corner that makes whole tiles empty, and scattered NaN."""
    rng = np.random.default_rng(seed)
    data = rng.gamma(4.4, 0.02, (2, rows, cols)).astype(np.float32)
    data[:, rng.random((rows, cols)) < 0.01] = NAN
    data[:, : rows // 2, : cols // 2] = NAN
    return data


def fill(
    sink: RasterSink, data: np.ndarray, *, threads: int = 1, seed: int | None = None, block: int = 512
) -> list[Path]:
    """Bring all tiles, shuffled if there is a seed, and close."""
    whole = Window(0, 0, *data.shape[1:])
    tasks = [(band, window) for band in range(len(data)) for window in whole.tiles(block, block)]
    if seed is not None:
        np.random.default_rng(seed).shuffle(tasks)  # type: ignore[arg-type]

    def bring(task: tuple[int, Window]) -> None:
        band, window = int(task[0]), task[1]
        sink.write(band, window, data[band][window.slices_in(whole)])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(bring, tasks))
    return sink.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_do_not_depend_on_order_threads_or_block_size(name: str, tmp_path: Path):
    data = speckle(1300, 1100)
    variants: list[dict[str, Any]] = [
        {}, {"seed": 1}, {"seed": 2, "threads": 2}, {"threads": 2, "block": 1024},
    ]  # fmt: skip
    results = []
    for number, variant in enumerate(variants):
        folder = tmp_path / str(number)
        fill(open_sink(name, folder / "x", grid(1300, 1100), BANDS, TAGS, threads=2), data, **variant)
        results.append(contents(folder))
    assert results[0]
    assert all(result == results[0] for result in results)
    assert not any(".part" in path for path in results[0])


@pytest.mark.parametrize("crs", ["EPSG:32632", "EPSG:4326", "EPSG:3035", AUTO_UTM, LAEA])
@pytest.mark.parametrize("name", FORMATS)
def test_rasterio_reads_samples_place_and_crs(name: str, crs: str, tmp_path: Path):
    data, place = speckle(530, 70), grid(530, 70, crs)
    fill(open_sink(name, tmp_path / "x", place, BANDS[:1], {}), data[:1])
    (path,) = [path for path in tmp_path.rglob("*") if path.suffix in (".img", ".tif")]
    with rasterio.open(path) as source:
        np.testing.assert_array_equal(source.read(1), data[0])
        assert tuple(source.transform)[:6] == place.transform
        assert np.isnan(source.nodata)
        ours = rasterio.crs.CRS.from_wkt(place.pyproj_crs.to_wkt())
        points = [[9.5, 11.0], [45.0, 47.0]]
        here, there = (rasterio.warp.transform("EPSG:4326", each, *points) for each in (source.crs, ours))
        np.testing.assert_allclose(here, there, rtol=0, atol=1e-6)
        if crs.startswith("EPSG") and path.suffix == ".tif":
            assert source.crs.to_epsg() == place.epsg


@pytest.mark.parametrize("shape", [(1, 1), (513, 511), (512, 512), (40, 2100)])
def test_cog_is_valid_and_its_overviews_are_means_of_valid_samples(shape: tuple[int, int], tmp_path: Path):
    data = speckle(*shape)
    sink = open_sink("COG", tmp_path / "x.tif", grid(*shape), BANDS, TAGS)
    paths = fill(sink, data)
    assert [path.name for path in paths] == ["x_Gamma0_VV.tif", "x_Gamma0_VH.tif"]
    for path, band in zip(paths, data, strict=True):
        assert cog_validate(path, strict=True) == (True, [], [])
        with rasterio.open(path) as source:
            factors = source.overviews(1)
        below = band
        for level in range(len(factors)):
            below = halved(below)
            with rasterio.open(path, overview_level=level) as source:
                np.testing.assert_array_equal(source.read(1), below)
        assert max(below.shape) <= 512
        assert len(factors) == max(0, int(np.ceil(np.log2(max(shape) / 512))))


def halved(data: np.ndarray) -> np.ndarray:
    rows, cols = (-(-size // 2) for size in data.shape)
    padded = np.full((2 * rows, 2 * cols), NAN)
    padded[: data.shape[0], : data.shape[1]] = data
    four = np.stack([padded[i::2, j::2] for i in (0, 1) for j in (0, 1)])
    count = np.isfinite(four).sum(0)
    with np.errstate(invalid="ignore"):
        return (np.nansum(four, 0) / count).astype(np.float32)


def test_cog_says_what_it_holds(tmp_path: Path):
    data = speckle(700, 1100)
    sink = open_sink("COG", tmp_path / "x", grid(700, 1100), BANDS, TAGS)
    assert isinstance(sink, CogSink)
    fill(sink, data)
    for file, band, values in zip(sink.written, BANDS, data, strict=True):
        content = file.path.read_bytes()
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        valid = values[np.isfinite(values)].astype(np.float64)
        (statistics,) = file.statistics
        assert (statistics.count, statistics.total) == (valid.size, values.size)
        assert (statistics.minimum, statistics.maximum) == (valid.min(), valid.max())
        assert statistics.mean == pytest.approx(valid.mean(), rel=1e-14)
        assert statistics.std == pytest.approx(valid.std(), rel=1e-13)
        with rasterio.open(file.path) as source:
            assert source.descriptions == (band.name,)
            assert source.units == ("1",)
            assert source.tags(1)["long_name"] == band.description
            assert float(source.tags(1)["STATISTICS_MEAN"]) == statistics.mean
            assert source.tags().items() >= TAGS.items()
            structure = source.tags(ns="IMAGE_STRUCTURE")
            assert (structure["LAYOUT"], structure["COMPRESSION"], structure["PREDICTOR"]) == (
                "COG",
                "ZSTD",
                "3",
            )


def test_tiles_without_data_take_no_space(tmp_path: Path):
    data = np.full((1, 1024, 2048), NAN, np.float32)
    data[0, 600, 1500] = 0.5
    (path,) = fill(open_sink("COG", tmp_path / "x", grid(1024, 2048), BANDS[:1], {}), data)
    with rasterio.open(path) as source:
        np.testing.assert_array_equal(source.read(1), data[0])
        sizes = [
            source.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=1)
            for row in (0, 1)
            for col in range(4)
        ]
        assert np.isnan(source.read(1, window=RasterioWindow(0, 0, 512, 512))).all()
    assert [size is not None for size in sizes] == [False] * 6 + [True, False]
    assert path.stat().st_size < 20_000


@pytest.mark.parametrize("compression", ["zstd", "deflate", "none"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"])
def test_every_type_and_compression_comes_back(dtype: str, compression: Any, tmp_path: Path):
    data = (np.random.default_rng(1).random((600, 100)) * 250).astype(dtype)
    band = BandSpec("a", dtype=dtype, nodata=0, overview="nearest")
    sink = CogSink([tmp_path / "a.tif"], grid(600, 100), [band], {}, codec=TileCodec(compression))
    (path,) = fill(sink, data[None])
    with rasterio.open(path) as source:
        assert (source.dtypes, source.nodata) == ((dtype,), 0)
        np.testing.assert_array_equal(source.read(1), data)
    with rasterio.open(path, overview_level=0) as source:
        np.testing.assert_array_equal(source.read(1), data[::2, ::2])


def test_large_cogs_are_bigtiff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = speckle(600, 600)[:1]
    for limit, magic in ((tiff.CLASSIC_LIMIT, b"II\x2a\0"), (1000, b"II\x2b\0")):
        monkeypatch.setattr(tiff, "CLASSIC_LIMIT", limit)
        (path,) = fill(open_sink("COG", tmp_path / "x", grid(600, 600), BANDS[:1], TAGS), data)
        assert path.read_bytes()[:4] == magic
        assert cog_validate(path, strict=True)[0]
        with rasterio.open(path) as source:
            np.testing.assert_array_equal(source.read(1), data[0])


@pytest.mark.parametrize("name", ["GeoTIFF", "GeoTIFF-BigTIFF"])
def test_one_tiff_with_all_bands(name: str, tmp_path: Path):
    data = speckle(600, 520)
    bands = [*BANDS, BandSpec("mask", dtype="uint8", nodata=None)]
    samples = np.concatenate([data, np.isfinite(data[:1])])
    (path,) = fill(open_sink(name, tmp_path / "x", grid(600, 520), bands, TAGS), samples)
    with rasterio.open(path) as source:
        np.testing.assert_array_equal(source.read(), samples)
        assert source.descriptions == ("Gamma0_VV", "Gamma0_VH", "mask")
        assert source.units == ("1", "1", None)
        assert source.dtypes == ("float32",) * 3
        assert np.isnan(source.nodata)
        assert source.tags().items() >= TAGS.items()
        assert source.profile["tiled"] == (name == "GeoTIFF-BigTIFF")
    assert (path.read_bytes()[2] == 43) == (name == "GeoTIFF-BigTIFF")


@pytest.mark.parametrize("name", FORMATS)
def test_radar_geometry_has_no_place_on_the_map(name: str, tmp_path: Path):
    data = speckle(100, 90)[:1]
    fill(open_sink(name, tmp_path / "x", (100, 90), BANDS[:1], {}), data)
    (path,) = [path for path in tmp_path.rglob("*") if path.suffix in (".img", ".tif")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            assert source.crs is None
            np.testing.assert_array_equal(source.read(1), data[0])


def test_dimap_document_says_what_snap_needs(tmp_path: Path):
    bands = [BANDS[0], BandSpec("elevation", "m", nodata=-32768.0), BandSpec("m", dtype="uint8", nodata=None)]
    data = np.ones((3, 30, 20), np.uint8)
    (path,) = fill(open_sink("BEAM-DIMAP", tmp_path / "scene", grid(30, 20), bands, TAGS), data)
    assert path == tmp_path / "scene.dim"
    root = etree.parse(path).getroot()
    assert root.findtext("Raster_Dimensions/NCOLS") == "20"
    assert root.findtext("Raster_Dimensions/NROWS") == "30"
    assert root.findtext("Raster_Dimensions/NBANDS") == "3"
    transform = root.findtext("Geoposition/IMAGE_TO_MODEL_TRANSFORM")
    assert transform == "10.0,0.0,0.0,-10.0,500000.0,5000000.0"
    infos = root.findall("Image_Interpretation/Spectral_Band_Info")
    tags = ("BAND_NAME", "DATA_TYPE", "PHYSICAL_UNIT", "NO_DATA_VALUE_USED", "NO_DATA_VALUE")
    assert [tuple(info.findtext(tag) or "" for tag in tags) for info in infos] == [
        ("Gamma0_VV", "float32", "1", "true", "NaN"),
        ("elevation", "float32", "m", "true", "-32768"),
        ("m", "uint8", "", "false", "0.0"),
    ]
    hrefs = [element.get("href") for element in root.findall("Data_Access/Data_File/DATA_FILE_PATH")]
    assert hrefs == ["scene.data/Gamma0_VV.hdr", "scene.data/elevation.hdr", "scene.data/m.hdr"]
    notes = root.xpath("//MDATTR[@name='NOTE']/text()")
    assert notes == [TAGS["NOTE"]]
    big_endian = np.fromfile(tmp_path / "scene.data" / "elevation.img", ">f4")
    np.testing.assert_array_equal(big_endian, np.ones(600))


def test_dimap_of_a_geographic_crs_does_not_put_latitude_first(tmp_path: Path):
    data = np.ones((1, 3, 2), np.float32)
    (path,) = fill(open_sink("BEAM-DIMAP", tmp_path / "x", grid(3, 2, "EPSG:4326"), BANDS[:1], {}), data)
    wkt = etree.parse(path).getroot().findtext("Coordinate_Reference_System/WKT") or ""
    assert "GEOGCS" in wkt
    assert "AXIS" not in wkt


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_snap_comparison_tool_reads_dimap_and_envi(shared: Path, tmp_path: Path):
    with warnings.catch_warnings():
        load: Callable[[str], Any] = runpy.run_path(str(shared / "snap" / "gio.py"))["load"]
    data, place = speckle(60, 520), grid(60, 520)
    (dim,) = fill(open_sink("BEAM-DIMAP", tmp_path / "d", place, BANDS, TAGS), data)
    images = fill(open_sink("ENVI", tmp_path / "e", place, BANDS, TAGS), data)
    for raster, samples in ((load(str(dim)), data), (load(str(images[0])), data[:1])):
        assert raster.shape == (60, 520)
        assert raster.transform == place.transform
        assert "Transverse_Mercator" in raster.crs
        for name, expected in zip(raster.bands, samples, strict=True):
            np.testing.assert_array_equal(raster.read(name), expected)


@pytest.mark.parametrize("name", FORMATS)
def test_abort_leaves_nothing(name: str, tmp_path: Path):
    sink = open_sink(name, tmp_path / "x", grid(600, 600), BANDS, {})
    sink.write(0, Window(0, 0, 512, 512), np.ones((512, 512), np.float32))
    sink.abort()
    sink.abort()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(S1CardError, match="closed"):
        sink.write(1, Window(0, 0, 512, 512), np.ones((512, 512), np.float32))


@pytest.mark.parametrize("name", FORMATS)
def test_a_raster_with_a_hole_never_gets_its_name(name: str, tmp_path: Path):
    sink = open_sink(name, tmp_path / "x", grid(600, 600), BANDS, {})
    sink.write(0, Window(0, 0, 512, 512), np.ones((512, 512), np.float32))
    with pytest.raises(S1CardError, match="7 of 8 tiles"):
        sink.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "function"),
    [*((name, "pwrite") for name in FORMATS), ("COG", "write"), ("GeoTIFF-BigTIFF", "write")],
)
def test_full_disk_is_told_and_leaves_nothing(
    name: str, function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    data = speckle(600, 600)
    sink = open_sink(name, tmp_path / "x", grid(600, 600), BANDS, {})

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, function, full)
    with pytest.raises(ResourceError, match="disk is full") as caught:
        fill(sink, data)
    assert str(tmp_path) in caught.value.subject
    assert "Free space" in caught.value.advice
    sink.abort()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_second_run_replaces_the_first(name: str, tmp_path: Path):
    for seed in (1, 2):
        paths = fill(open_sink(name, tmp_path / "x", grid(20, 20), BANDS[:1], {}), speckle(20, 20, seed)[:1])
    first = open_sink(name, tmp_path / "other" / "x", grid(20, 20), BANDS[:1], {})
    fill(first, speckle(20, 20, 2)[:1])
    assert paths
    other = contents(tmp_path / "other")
    ours = {key: value for key, value in contents(tmp_path).items() if not key.startswith("other")}
    assert ours == other


def test_samples_that_would_be_damaged_are_refused(tmp_path: Path):
    band = BandSpec("m", dtype="uint8", nodata=None)
    sink = open_sink("COG", tmp_path / "x", grid(10, 10), [band], {})
    with pytest.raises(S1CardError, match="float32"):
        sink.write(0, Window(0, 0, 10, 10), np.full((10, 10), NAN, np.float32))
    sink.abort()


def test_formats_and_their_extensions():
    cases: Sequence[tuple[str, str, str]] = [
        ("BEAM-DIMAP", "a", "a.dim"),
        ("BEAM-DIMAP", "S1A_1.0", "S1A_1.0.dim"),
        ("GeoTIFF", "a.dim", "a.dim.tif"),
        ("GeoTIFF-BigTIFF", "a.TIF", "a.TIF"),
        ("COG", "a.tiff", "a.tiff"),
        ("ENVI", "a", "a.hdr"),
    ]
    assert [forced_path(name, Path(path)).name for name, path, _ in cases] == [case[2] for case in cases]
    with pytest.raises(GraphError, match="BEAM-DIMAP, COG, ENVI, GeoTIFF, GeoTIFF-BigTIFF"):
        open_sink("HDF5", Path("x"), (1, 1), BANDS, {})

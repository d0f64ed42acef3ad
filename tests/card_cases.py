"""A small card's ingredients for the tests of layer 50: a scene without files, rasters made by rasterio."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.transform import Affine
from shapely.geometry import box

from s1card.card import CardBand, CardContext
from s1card.card.records import PairContext
from s1card.geometry.map_grid import MapGrid
from s1card.raster import BandStatistics
from s1card.scene.records import Annotation, Calibration, GeolocationGrid, Manifest, Noise, StateVectors
from s1card.scene.scene import Image, Scene

NAME = "S1A_IW_GRDH_1SDV_20210119T031653_20210119T031718_036201_043ED0_8255"
GRID = MapGrid("EPSG:32633", 300_000.0, 4_660_000.0, 10.0, 10.0, rows=300, cols=400)
GRAPH = """<graph id="Graph"><version>1.0</version>
  <node id="Read"><operator>Read</operator><parameters><file>/home/me/in/scene.zip</file></parameters></node>
  <node id="Write"><operator>Write</operator><parameters><file>s3://bucket/out.tif</file></parameters></node>
</graph>"""


def time(text: str) -> np.datetime64:
    return np.datetime64(text, "us")


def scene() -> Scene:
    start, stop = time("2021-01-19T03:16:53.123456"), time("2021-01-19T03:17:18.122334")
    empty = np.empty(0)
    vectors = state_vectors()
    grid = GeolocationGrid(*(empty.astype(np.int64),) * 2, empty.astype("datetime64[us]"), *(empty,) * 6)
    annotation = Annotation(
        mission="S1A", product_type="GRD", mode="IW", swath="IW", polarization="VV", absolute_orbit=36201,
        datatake_id=278224, pass_direction="DESCENDING", is_detected=True, is_ground_range=True,
        first_line_time=start, last_line_time=stop, line_interval=0.0015, lines=16_000, pixels=25_000,
        range_pixel_spacing=10.0, azimuth_pixel_spacing=10.0, slant_range_time=0.0053,
        range_sampling_rate=6.4e7, radar_frequency=5.405000454334350e9, incidence_angle_mid_swath=39.1,
        platform_heading=-167.5, ascending_node_time=None, looks_range=5, looks_azimuth=1, slice_number=3,
        thermal_noise_corrected=False, terrain_height=empty, state_vectors=vectors,
        coordinate_conversions=(), geolocation_grid=grid, swath_bounds=(),
    )  # fmt: skip
    manifest = Manifest(
        platform="S1A", platform_international_designator="2014-016A", mode="IW", product_type="GRD",
        product_class="S", polarizations=("VV", "VH"), start_time=start, stop_time=stop, absolute_orbit=36201,
        relative_orbit=124, cycle=225, orbit_direction="descending",
        ascending_node_time=time("2021-01-19T02:30:00.5"), datatake_id=278224, slice_number=3,
        ipf_version=(3, 31), processing_facility="ESA", processing_stop=None,
        footprint=box(12, 41, 14, 43), files=(),
    )  # fmt: skip
    calibration, noise = Calibration(start, stop, 1.0, ()), Noise(start, stop, (), ())
    images = tuple(
        Image(f"/in/{name}.tiff", replace(annotation, polarization=name), calibration, noise)
        for name in ("VV", "VH")
    )
    return Scene(NAME, f"/in/{NAME}.SAFE", manifest, images)


def state_vectors() -> StateVectors:
    times = np.array([time("2021-01-19T03:16:50")])
    return StateVectors(times, np.zeros((1, 3)), np.zeros((1, 3)), "POEORB", "S1A_OPER_AUX_POEORB.EOF")


def context(**changes: Any) -> CardContext:
    values: dict[str, Any] = {
        "kind": "CARD_BS", "scene": scene(), "grid": GRID, "state_vectors": state_vectors(),
        "dem_name": "Copernicus 30m Global DEM", "dem_datum": "egm2008", "graph_xml": GRAPH,
        "recipe": "card-bs", "engine": "native", "software": {"s1card": "0.1.0", "GDAL": "3.10"},
    }  # fmt: skip
    return CardContext(**(values | changes))


def pair_context(**changes: Any) -> CardContext:
    """A coherence card of the scene and another one six days before."""
    day = np.timedelta64(1, "D")
    reference = replace(scene(), manifest=replace(scene().manifest, product_type="SLC"))
    manifest = replace(
        reference.manifest, platform="S1B", start_time=reference.manifest.start_time - 6 * day,
        stop_time=reference.manifest.stop_time - 6 * day,
    )  # fmt: skip
    secondary = replace(reference, name=NAME.replace("S1A", "S1B"), manifest=manifest)
    pair = PairContext((reference,), (secondary,), 6, "POEORB S1B_OPER_AUX_POEORB.EOF", ("VV", "VH"))
    measures = {
        "perpendicular_baseline_IW1_sec1_13Jan2021": 33.6059, "perpendicular_baseline_IW2_sec1_13Jan2021": 33.1,
        "coherence_window_lines": 3, "coherence_window_pixels": 10, "coherence_bias_corrected": False,
        "coherence_looks_IW1": 14.6, "coherence_looks_IW2": 13.1,
    }  # fmt: skip
    values: dict[str, Any] = {
        "kind": "CARD_COH6", "scene": reference, "recipe": "card-coh6", "pair": pair, "measures": measures
    }  # fmt: skip
    return context(**(values | changes))


def power(mean: float, grid: MapGrid = GRID, seed: int = 1) -> np.ndarray:
    """Gamma-distributed power with a frame of no data: 20 pixels left, 30 above, none right and below."""
    values = np.random.default_rng(seed).gamma(4.4, mean / 4.4, grid.shape).astype(np.float32)
    values[:30] = np.nan
    values[:, :20] = np.nan
    return values


def write_raster(path: Path, values: np.ndarray, grid: MapGrid = GRID, nodata: float | None = np.nan) -> Path:
    profile = {
        "driver": "GTiff", "height": grid.rows, "width": grid.cols, "count": 1, "dtype": values.dtype.name,
        "crs": CRS.from_user_input(grid.crs), "transform": Affine(*grid.transform), "nodata": nodata,
        "tiled": True, "blockxsize": 128, "blockysize": 128, "compress": "deflate",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        target.write(values, 1)
        target.build_overviews([2, 4, 8], rasterio.enums.Resampling.average)
    return path


def card_band(folder: Path, name: str, values: np.ndarray, grid: MapGrid = GRID) -> CardBand:
    is_mask = values.dtype == np.uint8
    path = write_raster(folder / f"tmp_{name}.tif", values, grid, 255 if is_mask else np.nan)
    content = path.read_bytes()
    valid = values[np.isfinite(values)].astype(np.float64)
    functions = (np.min, np.max, np.mean, np.std)
    numbers = [float(function(valid)) if len(valid) else 0.0 for function in functions]
    statistics = BandStatistics(len(valid), values.size, *numbers)
    return CardBand(
        name, path, hashlib.sha256(content).hexdigest(), len(content), "1", f"band {name}",
        None if is_mask else statistics,
    )  # fmt: skip


def card_bands(folder: Path) -> list[CardBand]:
    """VH, VV and two layers, in an order that is not that of the card."""
    folder.mkdir(parents=True, exist_ok=True)
    angles = np.full(GRID.shape, 39.0, np.float32)
    return [
        card_band(folder, "mask", np.ones(GRID.shape, np.uint8)),
        card_band(folder, "inc", angles),
        card_band(folder, "VH", power(0.02, seed=2)),
        card_band(folder, "VV", power(0.1)),
    ]

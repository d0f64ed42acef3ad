"""Real annotation of every IPF generation at hand, with simulated pixels put into it, becomes cards.

The products have no pixels; a strip of constant ones is written around the wanted area, the rest of the measurement
files is left out (sparse TIFF).
"""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from end_to_end import band, call_s1card
from rasterio.errors import NotGeoreferencedWarning

from s1card.geometry.ellipsoid import ecef
from s1card.geometry.orbit import tabulate_orbit, zero_doppler
from s1card.geometry.radar_grid import radar_grid
from s1card.scene import Scene, open_scene

PRODUCTS = [
    "S1A_IW_GRDH_1SDV_20150203T043109_20150203T043134_004454_00574F_FEC3",
    "S1A_IW_GRDH_1SDV_20150222T170725_20150222T170750_004739_005DD8_CEAB",
    "S1A_IW_GRDH_1SDV_20150222T170750_20150222T170815_004739_005DD8_3768",
    "S1A_IW_GRDH_1SDV_20210119T031653_20210119T031718_036201_043ED0_8255",
]
OVER_ROME = "S1B_IW_GRDH_1SDV_20211223T051122_20211223T051147_030148_039993_5371"
DIGITAL_NUMBER = 1000
REACH = 1000  # lines with pixels on both sides of the middle
SIZE = 0.012  # degrees on both sides of the middle


def unpacked(archive: Path, folder: Path) -> Scene:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    (safe,) = folder.glob("*.SAFE")
    return open_scene(safe)


def put_pixels(scene: Scene, longitude: float, latitude: float) -> None:
    """Give all images of a scene pixels around a place."""
    for image in scene.images:
        annotation = image.annotation
        grid = annotation.geolocation_grid
        distance = np.hypot(
            (grid.longitude - longitude) * np.cos(np.radians(latitude)), grid.latitude - latitude
        )
        row, _ = np.unravel_index(int(distance.argmin()), distance.shape)
        write_strip(Path(image.raster), annotation.lines, annotation.pixels, int(grid.line[row]))


def write_strip(path: Path, lines: int, pixels: int, middle: int) -> None:
    path.parent.mkdir(exist_ok=True)
    size = {"height": lines, "width": pixels, "count": 1, "dtype": "uint16"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver="GTiff", SPARSE_OK="TRUE", COMPRESS="DEFLATE", ZLEVEL=1, **size
        ) as raster:
            first, last = max(0, middle - REACH), min(lines, middle + REACH)
            window = rasterio.windows.Window(0, first, pixels, last - first)
            raster.write(np.full((1, last - first, pixels), DIGITAL_NUMBER, np.uint16), window=window)


def level_dem(path: Path, longitude: float, latitude: float, height: float) -> Path:
    """An elevation model of one height around a place."""
    transform = rasterio.Affine(0.001, 0, longitude - 0.1, 0, -0.001, latitude + 0.1)
    size = {"height": 200, "width": 200, "count": 1, "dtype": "float32"}
    with rasterio.open(path, "w", driver="GTiff", crs="EPSG:4326", transform=transform, **size) as raster:
        raster.write(np.full((1, 200, 200), height, np.float32))
    return path


def card_of(scene: Scene, dem: Path, out: Path, longitude: float, latitude: float, *options: object) -> Path:
    area = f"{longitude - SIZE},{latitude - SIZE},{longitude + SIZE},{latitude + SIZE}"
    done = call_s1card(
        "bs",
        scene.path,
        "--dem",
        dem,
        "--aoi",
        area,
        "--layers",
        "inc",
        "--orbit",
        "none",
        "--out",
        out,
        "--json",
        *options,
    )
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["folder"])


def check_card(card: Path, scene: Scene) -> None:
    """All pixels are there, with the backscatter and the incidence angle that the annotation gives them."""
    with rasterio.open(band(card, "inc")) as raster:
        angle = raster.read(1)
    for image in scene.images:
        with rasterio.open(band(card, image.polarization)) as raster:
            power = raster.read(1)
        assert power.shape[0] > 200 and power.shape[1] > 150
        assert np.isfinite(power).all()
        # gamma0 = DN**2 / gamma**2; over 2 km in range and along one vector the table changes by less than 2 %.
        # Thermal noise takes away less than 1 %.
        grid = image.annotation.geolocation_grid
        row, col = np.unravel_index(
            int(np.abs(grid.incidence_angle - float(angle.mean())).argmin()), grid.incidence_angle.shape
        )
        assert float(angle.mean()) == pytest.approx(grid.incidence_angle[row, col], abs=1.0)
        vectors = image.calibration.vectors
        vector = vectors[int(np.argmin([abs(v.line - grid.line[row]) for v in vectors]))]
        pixel = np.interp(float(angle.mean()), grid.incidence_angle[row], grid.pixel)
        expected = DIGITAL_NUMBER**2 / np.interp(pixel, vector.pixel, vector.gamma) ** 2
        assert float(np.median(power)) == pytest.approx(expected, rel=0.03)
        assert float(np.ptp(power)) < 0.05 * expected
    item = json.loads((card / f"{card.name}.json").read_text(encoding="utf-8"))
    assert item["properties"]["sat:relative_orbit"] == scene.manifest.relative_orbit


@pytest.mark.parametrize("name", PRODUCTS, ids=lambda name: name[17:32])
def test_products_over_level_ground(shared: Path, name: str, tmp_path: Path) -> None:
    scene = unpacked(shared / "data/annotation" / f"{name}.zip", tmp_path)
    grid = scene.images[0].annotation.geolocation_grid
    row, col = np.array(grid.longitude.shape) // 2
    longitude, latitude = float(grid.longitude[row, col]), float(grid.latitude[row, col])
    put_pixels(scene, longitude, latitude)
    dem = level_dem(tmp_path / "dem.tif", longitude, latitude, float(grid.height[row, col]))
    card = card_of(scene, dem, tmp_path / "cards", longitude, latitude, "--dem-datum", "ellipsoid")
    check_card(card, scene)


def test_a_product_over_rome_with_a_real_elevation_model(shared: Path, tmp_path: Path) -> None:
    longitude, latitude = 12.50, 42.0
    scene = unpacked(shared / "data/annotation" / f"{OVER_ROME}.zip", tmp_path)
    put_pixels(scene, longitude, latitude)
    dem = shared / "data/dem/Rome-30m-DEM.tif"
    geoid = shared / "data/dem/egm96_15.gtx"
    card = card_of(scene, dem, tmp_path / "cards", longitude, latitude, "--geoid", geoid)
    check_card(card, scene)


# Heights (m) of first and last line that the corners in the manifest belong to; found by moving them up and down.
# Up to IPF 2.36 they are those of the tie points in the corners.
CORNER_HEIGHTS = {
    PRODUCTS[0]: (6.0, 139.7),
    PRODUCTS[1]: (399.0, 339.7),
    PRODUCTS[2]: (339.7, 146.9),
    PRODUCTS[3]: (244.0, 203.0),
    OVER_ROME: (8.0, 203.0),
}


# Pixels of 10 m, by whether the IPF is newer than 2.90: before, the annotated range polynomials and tie points disagree
# by up to 13 m of slant range at the far edge.
BOUND = {False: 2.0, True: 0.5}


@pytest.mark.parametrize("name", CORNER_HEIGHTS, ids=lambda name: name[17:32])
def test_corners_of_the_manifest_are_corners_of_the_image(shared: Path, name: str) -> None:
    """Near and far corner of a line belong to one height; there they are where range-Doppler has them."""
    scene = open_scene(shared / "data/annotation" / f"{name}.zip")
    grid = radar_grid(scene.images[0].annotation)
    orbit = tabulate_orbit(scene.images[0].annotation.state_vectors, grid.epoch)
    table = grid.range_table()
    corners = np.array(scene.manifest.footprint.exterior.coords)[:-1]
    found = set()
    for longitude, latitude in np.radians(corners):
        for last, height in enumerate(CORNER_HEIGHTS[name]):
            place = ecef(longitude, latitude, height)
            time, slant = zero_doppler(orbit.time, orbit.coefficients, *place, grid.first_azimuth_time)
            row = np.abs(table.time - time).argmin()
            pixel = np.interp(
                slant, table.near + table.step * np.arange(table.pixel.shape[1]), table.pixel[row]
            )
            error = np.hypot(
                grid.line(time) - last * (grid.lines - 1), min(pixel, grid.pixels - 1 - pixel, key=abs)
            )
            if error < BOUND[scene.manifest.ipf_version > (2, 90)]:
                found.add((last, pixel > grid.pixels / 2))
    assert found == {(0, False), (0, True), (1, False), (1, True)}

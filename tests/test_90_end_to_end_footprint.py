"""Cards of whole real scenes reach as far as their manifests say, over ground of the heights that these mean.

The products have no pixels; constant ones are put into them. The ground rises evenly from the first line to the last,
between the heights that the corners in the manifest belong to (docs/footprints.md).
"""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from end_to_end import call_s1card
from pyproj import Geod
from rasterio.errors import NotGeoreferencedWarning
from shapely.geometry import shape
from test_90_end_to_end_real import CORNER_HEIGHTS, unpacked

from s1card.scene import Scene

BOUND = 100.0  # m
SPACING = 40
STEP = 0.01  # degrees between heights
MARGIN = 0.2  # degrees of ground around the tie points


def put_pixels(scene: Scene) -> None:
    """Give all images of a scene a constant amplitude."""
    annotation = scene.images[0].annotation
    path, *others = (Path(image.raster) for image in scene.images)
    path.parent.mkdir(exist_ok=True)
    size = {"height": annotation.lines, "width": annotation.pixels, "count": 1, "dtype": "uint16"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", COMPRESS="ZSTD", BLOCKYSIZE=64, **size) as raster:
            strip = np.full((1, 512, annotation.pixels), 1000, np.uint16)
            for first in range(0, annotation.lines, 512):
                count = min(512, annotation.lines - first)
                window = rasterio.windows.Window(0, first, annotation.pixels, count)
                raster.write(strip[:, :count], window=window)
    for other in others:
        shutil.copyfile(path, other)


def ramp(scene: Scene, path: Path) -> Path:
    """Ground that rises evenly along the track, from the height of the first line to that of the last."""
    grid = scene.images[0].annotation.geolocation_grid
    heights = CORNER_HEIGHTS[scene.name]
    line = np.broadcast_to(grid.line[:, None], grid.longitude.shape)
    rise = np.column_stack([np.ones(line.size), grid.longitude.ravel(), grid.latitude.ravel()])
    plane, *_ = np.linalg.lstsq(rise, line.ravel() / line.max(), rcond=None)
    west, north = grid.longitude.min() - MARGIN, grid.latitude.max() + MARGIN
    cols = int((grid.longitude.max() + MARGIN - west) / STEP)
    rows = int((north - grid.latitude.min() + MARGIN) / STEP)
    x, y = west + (np.arange(cols) + 0.5) * STEP, north - (np.arange(rows)[:, None] + 0.5) * STEP
    height = np.interp(plane[0] + plane[1] * x + plane[2] * y, (0.0, 1.0), heights).astype(np.float32)
    size = {"height": rows, "width": cols, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    transform = rasterio.Affine(STEP, 0, west, 0, -STEP, north)
    with rasterio.open(path, "w", driver="GTiff", transform=transform, **size) as raster:
        raster.write(height, 1)
    return path


@pytest.mark.parametrize("name", CORNER_HEIGHTS, ids=lambda name: name[17:32])
def test_corners_of_a_card_are_corners_of_the_manifest(shared: Path, name: str, tmp_path: Path) -> None:
    scene = unpacked(shared / "data/annotation" / f"{name}.zip", tmp_path)
    put_pixels(scene)
    dem = ramp(scene, tmp_path / "dem.tif")
    options = (
        "--dem-datum",
        "ellipsoid",
        "--orbit",
        "none",
        "--spacing",
        SPACING,
        "--pol",
        "VV",
        "--no-verify",
    )
    done = call_s1card("bs", scene.path, "--dem", dem, *options, "--out", tmp_path / "cards", "--json")
    assert done.returncode == 0, done.stderr
    item = Path(json.loads(done.stdout)["item"])
    outline = np.array(shape(json.loads(item.read_text(encoding="utf-8"))["geometry"]).exterior.coords)
    for longitude, latitude in np.array(scene.manifest.footprint.exterior.coords)[:-1]:
        distance = Geod(ellps="WGS84").inv(
            np.full(len(outline), longitude), np.full(len(outline), latitude), *outline.T
        )[2]
        assert distance.min() < BOUND

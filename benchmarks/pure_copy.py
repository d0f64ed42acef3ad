"""The floor under a card: read all pixels of the scene, write the same rasters, compute nothing in between.

python -m benchmarks.pure_copy SCENE CARD_FOLDER OUT

The rasters to write are loaded into memory first; that time does not count. An empty SCENE is not read. Prints the
seconds of reading, of writing with the package's own writer, and of writing the same with GDAL's COG driver.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray

from benchmarks.cog_writer import write_gdal
from s1card.card import open_card
from s1card.geometry.map_grid import MapGrid
from s1card.raster import BandSpec, CogSink
from s1card.scene.pixels import PixelReader
from s1card.scene.reader import open_scene

LINES = 256


def load(path: Path) -> tuple[NDArray[np.float32], MapGrid]:
    with rasterio.open(path) as dataset:
        t = dataset.transform
        grid = MapGrid(dataset.crs.to_string(), t.c, t.f, t.a, -t.e, dataset.height, dataset.width)
        return dataset.read(1), grid


def read_scene(scene_path: Path) -> None:
    def read(image: object) -> None:
        reader = PixelReader(image)  # type: ignore[arg-type]
        lines = reader.image.annotation.lines
        for first in range(0, lines, LINES):
            reader.read_lines(first, min(LINES, lines - first))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(read, open_scene(scene_path).images))


def write_cards(data: dict[str, NDArray[np.float32]], grid: MapGrid, out: Path) -> None:
    bands = [BandSpec(name, "intensity") for name in data]
    sink = CogSink([out / f"{name}.tif" for name in data], grid, bands, {}, threads=2)
    arrays = list(data.values())

    def write(window: object) -> None:
        for index, array in enumerate(arrays):
            sink.write(index, window, array[window.slices_in(grid.window)])  # type: ignore[attr-defined, arg-type]

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, grid.window.tiles(*sink.tile)))
    sink.close()


def main() -> None:
    scene, folder, out = sys.argv[1], *(Path(argument) for argument in sys.argv[2:4])
    card = open_card(folder)
    data: dict[str, NDArray[np.float32]] = {}
    for name in ("VV", "VH"):
        data[name], grid = load(card.bands[name])
    out.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    if scene:
        read_scene(Path(scene))
    middle = time.perf_counter()
    write_cards(data, grid, out)
    end = time.perf_counter()
    for name, array in data.items():
        write_gdal(out / f"gdal_{name}.tif", array, grid, threads=2)
    by_gdal = time.perf_counter() - end
    print(f"{middle - begun:.2f} {end - middle:.2f} {by_gdal:.2f}")


if __name__ == "__main__":
    main()

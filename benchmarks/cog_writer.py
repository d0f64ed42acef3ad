"""Time of our COG writer beside GDAL's COG driver, on the same raster, in the same run.

python benchmarks/cog_writer.py [--size 8000] [--threads 2] [--folder DIR] [--codecs]

The raster looks like geocoded backscatter: a smooth mean, gamma distributed speckle of 4.4 looks,
bilinear resampling, 30 % NaN along a slanted edge.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from scipy.ndimage import gaussian_filter, map_coordinates, zoom

from s1card.geometry.map_grid import MapGrid
from s1card.raster import BandSpec, CogSink, TileCodec

Tile = NDArray[np.float32]


def backscatter(size: int, seed: int = 1) -> Tile:
    """A square of ``size`` samples; speckle repeats every 1024 samples, which no codec can see."""
    rng = np.random.default_rng(seed)
    side = 1024
    smooth = gaussian_filter(rng.standard_normal((128, 128)), 3)
    mean = 0.1 * np.exp(zoom(smooth / smooth.std() * 0.5, (side + 64) / 128, order=1))
    speckled = mean * rng.gamma(4.4, 1 / 4.4, mean.shape)
    row, col = np.mgrid[0:side, 0:side] + 20.0
    placed = [0.98 * row + 0.02 * col, 0.99 * col + 0.005 * row]
    patch = map_coordinates(speckled, placed, order=1).astype(np.float32)
    repeats = -(-size // side)
    data = np.tile(patch, (repeats, repeats))[:size, :size].copy()
    slant = np.arange(size)[None, :] + 0.3 * np.arange(size)[:, None]
    data[slant < 0.45 * size] = np.nan
    return data


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def write_ours(path: Path, data: Tile, grid: MapGrid, threads: int) -> tuple[float, float]:
    """Seconds to bring all tiles, and seconds to close."""
    sink = CogSink([path], grid, [BandSpec("VV", "1")], {}, threads=threads)
    windows = list(grid.window.tiles(*sink.tile))

    def bring(number: int) -> None:
        for window in windows[number::threads]:
            sink.write(0, window, data[window.slices_in(grid.window)])

    def bring_all() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(bring, range(threads)))

    return seconds(bring_all), seconds(sink.close)


def write_gdal(path: Path, data: Tile, grid: MapGrid, threads: int) -> None:
    profile: dict[str, Any] = {
        "driver": "COG", "count": 1, "dtype": "float32", "width": grid.cols, "height": grid.rows,
        "crs": grid.crs, "transform": rasterio.Affine(*grid.transform), "nodata": np.nan,
        "compress": "ZSTD", "level": 1, "predictor": "YES", "blocksize": 512,
        "overview_resampling": "AVERAGE", "num_threads": threads, "sparse_ok": True,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        target.write(data, 1)


def compare_writers(folder: Path, size: int, threads: int) -> None:
    data = backscatter(size)
    grid = MapGrid("EPSG:32632", 500000.0, 5000000.0, 10.0, 10.0, size, size)
    small = grid.crop(type(grid.window)(0, 0, 1024, 1024))
    write_ours(folder / "warm.tif", data[:1024, :1024], small, threads)
    tiles, close = write_ours(folder / "ours.tif", data, grid, threads)
    gdal = seconds(lambda: write_gdal(folder / "gdal.tif", data, grid, threads))
    mega = data.nbytes / 1e6
    sizes = [(folder / name).stat().st_size / 1e6 for name in ("ours.tif", "gdal.tif")]
    print(f"{size} x {size} float32, {mega:.0f} MB, ZSTD 1, predictor 3, {threads} threads")
    print(f"s1card    {tiles + close:6.2f} s (tiles {tiles:.2f}, close {close:.2f})  {sizes[0]:6.0f} MB")
    print(f"GDAL COG  {gdal:6.2f} s {'':29}{sizes[1]:6.0f} MB")
    print(f"ratio     {gdal / (tiles + close):6.2f}")
    with rasterio.open(folder / "ours.tif") as ours, rasterio.open(folder / "gdal.tif") as theirs:
        same = np.array_equal(ours.read(1), theirs.read(1), equal_nan=True)
    print(f"samples equal: {same}")


def compare_codecs(threads: int) -> None:
    """Speed per core, speed of all threads together, and ratio of the codecs."""
    data = backscatter(2048)
    tiles = [data[r : r + 512, c : c + 512].copy() for r in range(0, 2048, 512) for c in range(0, 2048, 512)]
    tiles = [tile for tile in tiles if not np.isnan(tile).all()]
    mega = sum(tile.nbytes for tile in tiles) / 1e6
    choices = [("zstd", level) for level in (1, 3, 9)] + [("deflate", level) for level in (1, 6)]
    print(f"{'codec':>10} level predictor   MB/s/core  MB/s with {threads} threads  ratio")
    for name, level in choices:
        for predict in (True, False):
            codec = TileCodec(name, level, predict)  # type: ignore[arg-type]

            def encode_all(codec: TileCodec = codec) -> int:
                return sum(len(codec.encode(tile)) for tile in tiles)

            size = encode_all()
            one = seconds(encode_all)
            workers = [threading.Thread(target=encode_all) for _ in range(threads)]
            many = seconds(lambda workers=workers: [w.start() for w in workers] + [w.join() for w in workers])
            speeds = f"{mega / one:9.0f} {threads * mega / many:16.0f}"
            print(f"{name:>10} {level:5} {predict!s:>9} {speeds} {mega * 1e6 / size:16.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", type=int, default=8000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where to write (a temporary folder)")
    parser.add_argument("--codecs", action="store_true", help="compare codecs instead")
    options = parser.parse_args()
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    if options.codecs:
        compare_codecs(options.threads)
        return
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        compare_writers(folder, options.size, options.threads)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

"""Statistics of many parcels in one card: beside exactextract and rasterstats in the same run.

python -m benchmarks.parcels [--folder DIR] [--parcels 100_000] [--edge 10_980] [--sample 2_000]

Writes a card of two bands of speckle and as many parcels as wanted (8 to 24 vertices, log-normal areas, on average
2.3 ha), and prints a table. The first pass finds the pixels of all parcels and keeps them in a file, later ones read
them from there; both read the card. exactextract takes all parcels in both bands, with the statistics of the coverage
rule; rasterstats takes a sample of neighbours.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path

import exactextract
import numpy as np
import rasterio
import rasterstats
import shapely
from exactextract.raster import NumPyRasterSource
from numpy.typing import NDArray

from benchmarks.measure import machine
from benchmarks.store_folder import peak_mib
from s1card.geometry.map_grid import MapGrid
from s1card.parcels.extract import ExtractSettings, extract
from s1card.parcels.pixels.records import PixelBand, PixelSource
from s1card.parcels.records import Extraction, Observation, ParcelSet
from s1card.parcels.weights import RULES, Rule, WeightFolder
from s1card.raster import BandSpec, CogSink
from s1card.window import Window

POLARIZATIONS = ("VV", "VH")
CELL_FILL = 0.55
"""Largest radius of a parcel, in steps of the lattice that parcels stand on."""

EXACT = ["count", "mean", "stdev", "min", "max", "quantile(q=0.25)", "quantile(q=0.5)", "quantile(q=0.75)"]
PLAIN = ["count", "mean", "std", "min", "max", "percentile_25", "percentile_50", "percentile_75"]


def write_card(folder: Path, grid: MapGrid) -> PixelSource:
    """A card of two bands of speckle; the south-east corner has no data."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{polarization}.tif" for polarization in POLARIZATIONS]
    if not all(path.exists() for path in paths):
        sink = CogSink(paths, grid, [BandSpec(name) for name in POLARIZATIONS], {})
        rng = np.random.default_rng(0)
        for window in grid.window.tiles(512, 512):
            values = speckle(rng, window, grid)
            sink.write(0, window, values)
            sink.write(1, window, np.float32(0.2) * values[::-1])
        sink.close()
    bands = tuple(
        PixelBand(f"{name}b", name, str(path), grid, "float32", None, block_shape=(512, 512))
        for name, path in zip(POLARIZATIONS, paths, strict=True)
    )
    whole = shapely.box(-180, -90, 180, 90)
    return PixelSource(Observation("BENCHMARK", datetime(2021, 6, 12), "1A", "bs", whole), bands)


def speckle(rng: np.random.Generator, window: Window, grid: MapGrid) -> NDArray[np.float32]:
    values = rng.standard_gamma(4.4, window.shape, np.float32) * np.float32(0.05 / 4.4)
    if window.row > 0.9 * grid.rows and window.col > 0.9 * grid.cols:
        values[:] = np.nan
    return values


def make_parcels(count: int, grid: MapGrid) -> ParcelSet:
    """Parcels on a lattice over the whole grid, in the order of their rows."""
    rng = np.random.default_rng(1)
    left, bottom, right, top = grid.bounds
    across = round((count * (right - left) / (top - bottom)) ** 0.5)
    k = np.arange(count)
    step = (right - left) / across
    x, y = left + (k % across + 0.5) * step, top - (k // across + 0.5) * step
    radius = np.minimum(np.exp(rng.normal(np.log(75.0), 0.45, count)), CELL_FILL * step)
    vertices = np.sort(rng.integers(8, 25, count))
    ends = np.cumsum(vertices)
    which = np.repeat(k, vertices)
    turn = (
        2
        * np.pi
        * (np.arange(ends[-1]) - np.repeat(ends - vertices, vertices))
        / np.repeat(vertices, vertices)
    )
    reach = radius[which] * rng.uniform(0.75, 1.25, ends[-1])
    ring = np.column_stack([x[which] + reach * np.cos(turn), y[which] + reach * np.sin(turn)])
    geometries = shapely.polygons(shapely.linearrings(ring, indices=which))
    ids = np.array([f"{n:07d}" for n in k], object)
    return ParcelSet((k + 1).astype(np.int32), ids, geometries, grid.crs)


@dataclass(frozen=True)
class Timed:
    """What a piece of work took."""

    seconds: float

    def row(self, label: str, parcel_bands: int) -> str:
        """A line of a Markdown table."""
        return f"| {label} | {self.seconds:.2f} | {parcel_bands / self.seconds:,.0f} |"


def timed(work: Callable[[], object]) -> Timed:
    begun = time.perf_counter()
    work()
    return Timed(time.perf_counter() - begun)


def ours(source: PixelSource, parcels: ParcelSet, folder: Path, rule: Rule) -> Extraction:
    """One pass, with the pixels of parcels from their file if it is there."""
    weights = WeightFolder(folder)
    settings = ExtractSettings(rule)
    return extract(source, lambda lattice: weights.get(parcels, lattice, rule, 0.0), settings)[0]


def by_exactextract(source: PixelSource, parcels: ParcelSet) -> None:
    """The way in which it is fastest: on arrays in memory."""
    features = [
        {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(g)}
        for g in parcels.geometries
    ]
    for band in source.bands:
        with rasterio.open(band.path) as file:
            raster = NumPyRasterSource(
                file.read(1), *file.bounds, nodata=np.nan, name="band", srs_wkt=file.crs.wkt
            )
        exactextract.exact_extract(raster, features, EXACT)


def by_rasterstats(source: PixelSource, parcels: ParcelSet) -> None:
    """The way in which it is fastest: on arrays in memory."""
    shapes = [shapely.geometry.mapping(g) for g in parcels.geometries]
    for band in source.bands:
        with rasterio.open(band.path) as file:
            values, transform = file.read(1), file.transform
        rasterstats.zonal_stats(shapes, values, affine=transform, stats=PLAIN, nodata=-1)


def measure(source: PixelSource, parcels: ParcelSet, folder: Path, rule: Rule) -> Timed:
    """The first pass, which finds the pixels of the parcels, and the best of three later ones."""
    shutil.rmtree(folder / "warm", ignore_errors=True)
    ours(source, parcels.part(slice(0, 100)), folder / "warm", rule)
    weights, total = folder / "weights", 2 * len(parcels)
    shutil.rmtree(weights, ignore_errors=True)
    first = timed(lambda: ours(source, parcels, weights, rule))
    print(first.row(f"s1card, {rule}, first pass", total))
    later = min(
        (timed(lambda: ours(source, parcels, weights, rule)) for _ in range(3)), key=attrgetter("seconds")
    )
    print(later.row(f"s1card, {rule}, later passes", total), flush=True)
    return later


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("build/benchmark-parcels"))
    parser.add_argument("--parcels", type=int, default=100_000)
    parser.add_argument("--edge", type=int, default=10_980)
    parser.add_argument("--sample", type=int, default=2_000)
    options = parser.parse_args()
    grid = MapGrid("EPSG:32632", 600_000, 5_400_000, 10, 10, options.edge, options.edge)
    source = write_card(options.folder / str(options.edge), grid)
    parcels = make_parcels(options.parcels, grid)
    hectares = shapely.area(parcels.geometries).mean() / 1e4
    print(
        f"\n{machine()}\n{len(parcels)} parcels of {hectares:.2f} ha on average, {options.edge} x {options.edge}\n"
    )
    total = 2 * len(parcels)
    print("| work | wall, s | parcel-bands per s |\n|---|---|---|")
    later = {rule: measure(source, parcels, options.folder, rule) for rule in RULES}
    print(f"\npeak memory of s1card {peak_mib():.0f} MiB\n")
    exact = timed(lambda: by_exactextract(source, parcels))
    print(exact.row("exactextract", total), flush=True)
    middle = len(parcels) // 2
    sample = parcels.part(slice(middle, middle + options.sample))
    plain = timed(lambda: by_rasterstats(source, sample))
    print(plain.row(f"rasterstats, {options.sample} of them", 2 * len(sample)))
    print(f"\nlater passes, coverage: {exact.seconds / later['coverage'].seconds:.1f} x exactextract")
    print(f"later passes, centre: {exact.seconds / later['centre'].seconds:.1f} x exactextract, ", end="")
    print(f"{plain.seconds / len(sample) * len(parcels) / later['centre'].seconds:.0f} x rasterstats")


if __name__ == "__main__":
    main()

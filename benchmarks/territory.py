"""A full CARD-BS with the parcels of a paying agency into PostGIS, a Sentinel-2 tile, and what a year takes.

python -m benchmarks.territory [--folder DIR] [--parcels 700_000] [--rows 21_304] [--cols 28_026]

Starts a PostgreSQL of its own (see benchmarks/store_postgis.py), writes a card of two bands of speckle in the size of
a full scene at 10 m and a Sentinel-2 L2A tile (lossless JP2), and extracts both. The year
is that of the JRC's webinar of November 2020: 1,500 Sentinel-1 cards of two bands and 4,000 Sentinel-2 scenes of three
bands on 700,000 parcels, which took 4 machines 120 hours. Every Sentinel-1 card is taken to show all parcels, every
Sentinel-2 tile those of its share of the territory.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import rasterio

from benchmarks.measure import machine
from benchmarks.parcels import make_parcels, write_card
from benchmarks.store_folder import peak_mib
from benchmarks.store_postgis import SETTINGS, with_schema
from s1card.geometry.map_grid import MapGrid
from s1card.parcels.extract import ExtractSettings
from s1card.parcels.pixels.open import open_pixels
from s1card.parcels.pixels.records import PixelSource
from s1card.parcels.records import ParcelSet
from s1card.parcels.weights import WeightFolder
from s1card.store.extraction import Extractor
from s1card.store.postgis import PostgisStore
from tests.postgres_server import start_server
from tests.sentinel2_factory import LEFT, TOP, make_sentinel2

TILE_PIXELS = 10_980
FIELD = 40
TERRITORY_KM2 = 50_000
TILE_KM2 = (TILE_PIXELS / 100) ** 2
ORIGINAL_VM_HOURS = 480
YEAR_S1, YEAR_S2 = 1500, 4000


def sentinel2(folder: Path) -> PixelSource:
    """B04, B08 and SCL of a whole tile: fields of 40 pixels with some noise, in tiles of 1024 as in real products."""
    places = list(folder.glob("*.SAFE"))
    if not places:
        made = make_sentinel2(folder / "making", size=240, bands=("B04", "B08", "SCL")).folder
        for path in sorted(made.rglob("*.jp2")):
            write_image(path)
        places = [made.rename(folder / made.name)]
    return open_pixels(places[0])


def write_image(path: Path) -> None:
    """Replace an image by one of full size."""
    with rasterio.open(path) as file:
        profile = file.profile
    side = round(TILE_PIXELS * 10 / profile["transform"].a)
    rng = np.random.default_rng(2)
    fields = rng.integers(1100, 4500, (side // FIELD + 1, side // FIELD + 1), np.uint16)
    if profile["dtype"] == "uint8":
        fields = rng.choice(np.array([4, 5, 8, 9], np.uint8), fields.shape)
    values = np.kron(fields, np.ones((FIELD, FIELD), fields.dtype))[:side, :side]
    if profile["dtype"] != "uint8":
        values += rng.integers(0, 120, values.shape, np.uint16)
    profile.update(width=side, height=side, blockxsize=1024, blockysize=1024, QUALITY="100", REVERSIBLE="YES")
    with rasterio.open(path, "w", **profile) as file:
        file.write(values, 1)


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def later(source: PixelSource, number: int) -> PixelSource:
    """The same pixels as another observation."""
    known = source.observation
    name = f"{known.reference}_{number}"
    return replace(
        source,
        observation=replace(known, reference=name, obstime=known.obstime + timedelta(hours=number)),
    )


def extract_all(
    url: str, folder: Path, source: PixelSource, parcels: ParcelSet, label: str, cards: int
) -> float:
    """Extract a card so often; seconds of the last time."""
    store = PostgisStore(url)
    try:
        store.init()
        print(
            f"| {len(parcels):,} parcels into the store | {seconds(lambda: store.put_parcels(parcels)):.1f} |"
        )
        shutil.rmtree(folder, ignore_errors=True)
        taken = 0.0
        for number in range(cards):
            extractor = Extractor(store, parcels, ExtractSettings(), WeightFolder(folder))
            taken = seconds(lambda e=extractor, n=number: e.run(later(source, n)))
            print(f"| {label}, {'first' if number == 0 else 'later'} time | {taken:.1f} |", flush=True)
        print(f"| rows in the store: {store.info().rows:,} | |")
        return taken
    finally:
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("build/benchmark-territory"))
    parser.add_argument("--parcels", type=int, default=700_000)
    parser.add_argument("--rows", type=int, default=21_304)
    parser.add_argument("--cols", type=int, default=28_026)
    options = parser.parse_args()
    grid = MapGrid("EPSG:32632", 500_000, 5_400_000, 10, 10, options.rows, options.cols)
    card = write_card(options.folder / "card", grid)
    tile = sentinel2(options.folder / "tile")
    tile_grid = MapGrid("EPSG:32633", LEFT, TOP, 10, 10, TILE_PIXELS, TILE_PIXELS)
    in_tile = round(options.parcels * TILE_KM2 / TERRITORY_KM2)
    server = start_server(SETTINGS, None)
    try:
        print(f"\n{machine()}\n\n| work | wall, s |\n|---|---|")
        kept = options.folder / "weights"
        s1 = extract_all(
            with_schema(server.url, "s1"),
            kept,
            card,
            make_parcels(options.parcels, grid),
            "two bands of a full card",
            3,
        )
        s2 = extract_all(
            with_schema(server.url, "s2"),
            kept,
            tile,
            make_parcels(in_tile, tile_grid),
            "B04, B08 and SCL of a tile",
            2,
        )
    finally:
        server.stop("fast")
        shutil.rmtree(server.folder)
    hours = (YEAR_S1 * s1 + YEAR_S2 * s2) / 3600
    print(f"\npeak memory of this process {peak_mib():.0f} MiB")
    print(f"a year: {YEAR_S1} x {s1:.1f} s + {YEAR_S2} x {s2:.1f} s = {hours:.0f} VM-hours, ", end="")
    print(f"the original {ORIGINAL_VM_HOURS}: {ORIGINAL_VM_HOURS / hours:.0f} times as many")


if __name__ == "__main__":
    main()

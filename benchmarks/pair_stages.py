"""Stages of a coherence card, each without what follows: seconds of wall and CPU time, peak memory.

python -m benchmarks.pair_stages CARD REFERENCE SECONDARY DEM STAGE

The stage is ``read`` (all samples of both scenes, nothing else), ``coregister`` (the secondary on the samples of the
reference), ``coherence`` (and the estimate), or ``deburst`` (bursts and sub-swaths joined).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from s1card.engine.native.context import Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.engine.native.pair import Removal
from s1card.engine.native.product import Product
from s1card.engine.native.tile_cache import TILE_COLS, TILE_ROWS
from s1card.graph.xml import read_graph
from s1card.scene.pixels import PixelReader
from s1card.scene.reader import open_scene
from s1card.window import Window

LINES = 256
THREADS = 2

Job = Callable[[], Any]


def reading(scene: Path) -> Iterator[Job]:
    """Jobs that read all samples of a scene."""
    for image in open_scene(scene).images:
        reader = PixelReader(image)
        for first in range(0, image.annotation.lines, LINES):
            count = min(LINES, image.annotation.lines - first)
            yield lambda reader=reader, first=first, count=count: reader.read_iq(first, count)


def products(card: Path, scenes: tuple[Path, Path], dem: Path) -> dict[str, Product]:
    """The lazy products of the graph of a card, which names its inputs without their folders."""
    text = next(card.glob("*.xml")).read_text(encoding="utf-8")
    for path in (*scenes, dem):
        text = text.replace(f">{path.name}<", f">{path.resolve()}<")
    with TemporaryDirectory() as folder:
        graph = Path(folder) / "graph.xml"
        graph.write_text(text, encoding="utf-8")
        return NativeEngine(Surroundings(dem=dem, dem_datum="ellipsoid")).build(read_graph(graph))


def tiles(product: Product) -> Iterator[Window]:
    """The windows of a product in the order of work, those of a burst apart."""
    if product.bursts is None:
        windows = product.grid.window.tiles(TILE_ROWS, TILE_COLS)
        yield from windows if product.order is None else sorted(windows, key=product.order)
        return
    for index in range(len(product.bursts.burst_ids)):
        yield from product.bursts.window(index).tiles(TILE_ROWS, TILE_COLS)


def reading_bands(product: Product, prefix: str) -> Iterator[Job]:
    """Jobs that compute all bands whose name begins so, window by window."""
    bands = [band for band in product.real_bands() if band.name.startswith(prefix)]
    for window in tiles(product):
        yield lambda window=window: [band.read(window) for band in bands]


def coregistering(made: dict[str, Product]) -> Iterator[Job]:
    """Jobs that resample the secondary, with the phase of the geometry removed, as the estimator asks for it."""
    for name, product in made.items():
        if name.startswith("Back-Geocoding"):
            (pair,) = product.pairs
            for window in tiles(product):
                yield lambda pair=pair, window=window: pair.read(window, Removal.ALL)


def main() -> None:
    card, reference, secondary, dem = (Path(argument) for argument in sys.argv[1:5])
    stage = sys.argv[5]
    if stage == "read":
        jobs = [job for scene in (reference, secondary) for job in reading(scene)]
    else:
        made = products(card, (reference, secondary), dem)
        coherence = [
            job for name, p in made.items() if name.startswith("Coherence") for job in reading_bands(p, "coh")
        ]
        jobs = {
            "coregister": list(coregistering(made)),
            "coherence": coherence,
            "deburst": list(reading_bands(made["TOPSAR-Merge"], "coh")),
        }[stage]
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(lambda job: job() is None, jobs):
            pass


if __name__ == "__main__":
    main()

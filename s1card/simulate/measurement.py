"""The measurement files: uncompressed strips of one line as ESA writes them, or cloud-optimised."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint

from s1card.scene.records import GeolocationGrid
from s1card.simulate.config import GrdConfig
from s1card.simulate.image_facts import PixelStatistics
from s1card.simulate.pixels import Counts
from s1card.simulate.product import Image, Product

QUICKLOOK_SIZE = 600


@dataclass
class Summary:
    """What is gathered of the pixels of an image while they pass: exact sums and a thinned image."""

    step: int
    count: int = 0
    total: int = 0
    squares: int = 0
    thinned: list[Counts] = field(default_factory=list)

    def add(self, first: int, lines: Counts) -> None:
        """Take in lines, the first of which has an index in the image."""
        values = lines.astype(np.uint64)
        self.count += values.size
        self.total += int(values.sum())
        self.squares += int((values * values).sum())
        self.thinned.append(lines[-first % self.step :: self.step, :: self.step].copy())

    @property
    def statistics(self) -> PixelStatistics:
        """Mean and standard deviation of all pixels."""
        mean = self.total / self.count
        return PixelStatistics(mean, math.sqrt(max(0.0, self.squares / self.count - mean**2)))

    @property
    def image(self) -> Counts:
        """The thinned image."""
        return np.concatenate(self.thinned)


def write_measurements(
    folder: Path,
    config: GrdConfig,
    product: Product,
    grid: GeolocationGrid,
    blocks: Iterable[tuple[int, Counts]],
) -> list[Summary]:
    """Write the images of all polarizations block by block; one summary per polarization."""
    step = max(1, math.ceil(max(config.lines, config.pixels) / QUICKLOOK_SIZE))
    summaries = [Summary(step) for _ in product.images]
    with ExitStack() as stack:
        rasters = [
            stack.enter_context(_open(folder, config, product, image, grid)) for image in product.images
        ]
        for first, block in blocks:
            window = rasterio.windows.Window(0, first, config.pixels, block.shape[1])
            for raster, summary, lines in zip(rasters, summaries, block, strict=True):
                raster.write(lines, 1, window=window)
                summary.add(first, lines)
    return summaries


def ground_control_points(grid: GeolocationGrid) -> list[GroundControlPoint]:
    """The geolocation grid as GDAL knows it."""
    return [
        GroundControlPoint(
            row=float(line),
            col=float(pixel),
            x=float(grid.longitude[i, j]),
            y=float(grid.latitude[i, j]),
            z=float(grid.height[i, j]),
            id=str(i * grid.pixel.size + j + 1),
        )
        for i, line in enumerate(grid.line)
        for j, pixel in enumerate(grid.pixel)
    ]


@contextmanager
def _open(
    folder: Path, config: GrdConfig, product: Product, image: Image, grid: GeolocationGrid
) -> Iterator[Any]:
    """A measurement file to be written; a cloud-optimised one is made from the strips at the end."""
    path = folder / product.measurement_name(image)
    strips = path.with_name(path.name + ".strips") if product.cog else path
    options = {"dtype": "uint16", "count": 1, "height": config.lines, "width": config.pixels, "blockysize": 1}
    points = ground_control_points(grid)
    with rasterio.open(
        strips, "w", driver="GTiff", crs="EPSG:4326", gcps=points, BIGTIFF="IF_SAFER", **options
    ) as raster:
        raster.update_tags(**{f"TIFFTAG_{name}": text for name, text in tiff_texts(product).items()})
        yield raster
    if product.cog:
        rasterio.shutil.copy(strips, path, driver="COG", COMPRESS="DEFLATE", BLOCKSIZE=512, OVERVIEWS="AUTO")
        strips.unlink()


def tiff_texts(product: Product) -> dict[str, str]:
    """What measurement files say in words: description, time and software."""
    resolution = f"{product.resolution}R " if product.resolution != "_" else ""
    time = str(product.first_time.astype("datetime64[s]")).replace("-", ":").replace("T", " ")
    return {
        "IMAGEDESCRIPTION": f"Sentinel-{product.platform[1:]} {product.mode} {product.kind} {resolution}L1",
        "DATETIME": time,
        "SOFTWARE": f"Sentinel-1 IPF {product.software}",
    }


def quicklook_colors(images: list[Counts]) -> NDArray[np.uint8]:
    """Red, green and blue (3, rows, cols): co-polarization, cross-polarization, ratio; grey for one image."""
    first = images[0].astype(float)
    if len(images) == 1:
        return np.repeat(_stretch(first)[None], 3, axis=0)
    second = images[1].astype(float)
    ratio = first / np.maximum(second, 1.0)
    return np.stack([_stretch(first), _stretch(second), _stretch(ratio)])


def _stretch(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    top = float(np.percentile(values, 98.0)) or 1.0
    return np.asarray(np.clip(values / top * 255.0, 0.0, 255.0), np.uint8)

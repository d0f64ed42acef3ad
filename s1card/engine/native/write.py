"""Write: drive the computation of a product, block by block, into a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from s1card.engine.native.product import Band, Product
from s1card.errors import GraphError, ResourceError
from s1card.geometry.map_grid import MapGrid
from s1card.raster import BandSpec, RasterSink, open_sink


@dataclass(frozen=True, eq=False)
class WriteJob:
    """A product that is to be written.

    Attributes:
        node: Id of the Write node.
        product: What to write; its virtual bands are left out.
        sink: Where to.
    """

    node: str
    product: Product
    sink: RasterSink

    @property
    def bands(self) -> tuple[Band, ...]:
        """Bands that the file gets."""
        return self.product.real_bands()


def open_job(node: str, product: Product, file: str | None, format_name: str, tags: dict[str, str]) -> WriteJob:
    """Open the file of a Write node.

    Raises:
        GraphError: The node names no file, or an unknown format.
        ResourceError: The folder cannot be made or written.
    """
    if not file:
        raise GraphError("the parameter 'file' of a Write node is empty", subject=f"node {node}")
    path = Path(file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(f"the folder cannot be made: {error.strerror}", subject=str(path.parent)) from error
    specs = [_spec(band) for band in product.real_bands()]
    extent = product.grid if isinstance(product.grid, MapGrid) else product.shape
    return WriteJob(node, product, open_sink(format_name, path, extent, specs, tags))


def _spec(band: Band) -> BandSpec:
    overview = "nearest" if band.dtype == "uint8" else "average"
    return BandSpec(band.name, band.unit, band.description, band.dtype, band.nodata, overview)

"""Write: where the products of a graph go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from s1card.engine.base import Output
from s1card.engine.native.dimap_facts import radar_facts
from s1card.engine.native.product import Band, Product
from s1card.errors import GraphError, ResourceError
from s1card.geometry.map_grid import MapGrid
from s1card.graph.model import Node
from s1card.graph.operators import resolve_parameters
from s1card.raster import BandSpec, DimapSink, RasterSink, SizesSink, forced_path, open_sink

DIMAP = "BEAM-DIMAP"
"""SNAP's own format, which also holds bands of several sizes, tie points and metadata."""


@dataclass(frozen=True, eq=False)
class WriteJob:
    """A product on its way into a file.

    Attributes:
        output: What was announced.
        product: What to write; its virtual bands are left out.
        sink: Where to.
    """

    output: Output
    product: Product
    sink: RasterSink

    @property
    def bands(self) -> tuple[Band, ...]:
        """Bands that the file gets."""
        return self.product.real_bands()


def announce(node: Node, product: Product) -> Output:
    """What a Write node will make of a product.

    Raises:
        GraphError: The node names no file, or an unknown format, or the product is no single raster.
    """
    values = resolve_parameters(node)
    file, format_name = values["file"], str(values["formatName"])
    if product.parts and format_name != DIMAP:
        raise GraphError(
            "the sub-swaths of an SLC product differ in size and make no single raster",
            subject=f"node {node.id}",
            advice=f"Place TOPSAR-Split before it, or TOPSAR-Deburst, which joins them, or write {DIMAP}",
        )
    if not file:
        raise GraphError("the parameter 'file' is empty", subject=f"node {node.id}", advice="Name a target")
    grid = product.grid if isinstance(product.grid, MapGrid) else None
    specs = tuple(_spec(band) for part in product.parts or (product,) for band in part.real_bands())
    path = forced_path(format_name, Path(str(file)))
    return Output(
        node.id,
        path,
        format_name,
        product.scene,
        grid,
        specs,
        product.orbit,
        product.facts,
        dict(product.measures),
    )


def open_jobs(
    output: Output, product: Product, path: Path, tags: Mapping[str, str], threads: int
) -> list[WriteJob]:
    """Open the file of an output: one job, or of an SLC product one per sub-swath.

    Raises:
        ResourceError: The folder cannot be made or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"the folder cannot be made: {error.strerror}", subject=str(path.parent)
        ) from error
    if product.parts:
        sizes = [(part.shape, [_spec(band) for band in part.real_bands()]) for part in product.parts]
        sinks = SizesSink(path, sizes, tags).parts
        return [WriteJob(output, part, sink) for part, sink in zip(product.parts, sinks, strict=True)]
    extent = output.grid or product.shape
    sink: RasterSink
    if output.format_name == DIMAP:
        sink = DimapSink(path, extent, output.bands, tags, radar_facts(product))
    else:
        sink = open_sink(output.format_name, path, extent, output.bands, tags, threads=threads)
    return [WriteJob(output, product, sink)]


def _spec(band: Band) -> BandSpec:
    return BandSpec(
        band.name,
        band.unit,
        band.description,
        band.dtype,
        band.nodata,
        "nearest" if band.dtype == "uint8" else "average",
    )

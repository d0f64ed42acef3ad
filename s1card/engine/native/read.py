"""Read: a scene as a lazy product."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Band, Product, as_power
from s1card.engine.native.selection import with_bands
from s1card.engine.native.slc import slc_product
from s1card.engine.native.subset import crop, region_of
from s1card.errors import GraphError, SceneError
from s1card.geometry.radar_grid import radar_grid
from s1card.scene.pixels import PixelReader
from s1card.scene.reader import open_scene
from s1card.scene.scene import Image, Scene


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Open a scene: ``Amplitude_VV`` (uint16) and the virtual ``Intensity_VV`` per polarization.

    Regions act only with ``useAdvancedOptions``. A virtual band that ``sourceBands`` names becomes a real one.
    """
    file = parameters["file"]
    if not file:
        raise GraphError(
            "the parameter 'file' of a Read node is empty", advice="Name the scene with -P or -S"
        )
    return narrowed(product_of(open_scene(Path(file)), context), parameters)


def narrowed(product: Product, parameters: Parameters) -> Product:
    """The bands and the region of a product that a Read node asks for."""
    product = with_bands(product, parameters["sourceBands"])
    if not parameters["useAdvancedOptions"]:
        return product
    region = region_of(product, parameters["pixelRegion"], parameters["geometryRegion"])
    return product if region is None else crop(product, region)


def product_of(scene: Scene, context: Context) -> Product:
    """The lazy product of an opened scene; its bands are in the order of the measurement files, as in SNAP.

    Raises:
        SceneError: The scene is a stripmap SLC, or the polarizations of an image differ in size.
    """
    first = scene.images[0].annotation
    if not first.is_detected:
        return slc_product(scene, context)
    if len({(i.annotation.lines, i.annotation.pixels) for i in scene.images}) > 1:
        raise SceneError("the polarizations differ in size", subject=scene.name, advice="Download it again")
    images = sorted(scene.images, key=lambda image: image.raster.rpartition("/")[2])
    bands = tuple(band for image in images for band in _bands(image, context))
    return Product(scene.name, scene, radar_grid(first), bands, first.state_vectors)


def _bands(image: Image, context: Context) -> tuple[Band, Band]:
    polarization = image.polarization
    shape = (image.annotation.lines, image.annotation.pixels)
    amplitude = Band(
        f"Amplitude_{polarization}",
        "amplitude",
        context.lines.add(shape, PixelReader(image).read_lines),
        polarization=polarization,
        dtype="uint16",
        nodata=0,
        description=f"digital number {polarization}",
    )
    intensity = Band(
        f"Intensity_{polarization}",
        "intensity",
        partial(as_power, amplitude),
        polarization=polarization,
        is_virtual=True,
        description=f"squared digital number {polarization}",
    )
    return amplitude, intensity

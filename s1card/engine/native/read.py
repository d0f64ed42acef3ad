"""Read: a scene as a lazy product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Band, Product
from s1card.engine.native.subset import crop, region_of
from s1card.errors import GraphError, SceneError
from s1card.geometry.radar_grid import radar_grid
from s1card.scene.pixels import PixelReader
from s1card.scene.reader import open_scene
from s1card.scene.scene import Image, Scene
from s1card.window import Window


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Open a scene: ``Amplitude_VV`` (uint16) and the virtual ``Intensity_VV`` per polarization."""
    file = parameters["file"]
    if not file:
        raise GraphError("the parameter 'file' of a Read node is empty", advice="Name the scene with -P or -S")
    product = product_of(open_scene(Path(file)), context)
    names = tuple(parameters["sourceBands"] or ())
    if names:
        product = replace(product, bands=product.real_bands(names))
    region = region_of(product, parameters["pixelRegion"], parameters["geometryRegion"])
    if parameters["useAdvancedOptions"] and region is not None:
        product = crop(product, region)
    return product


def product_of(scene: Scene, context: Context) -> Product:
    """The lazy product of an opened GRD scene.

    Raises:
        SceneError: The scene is not a ground range detected one, or its images differ in size.
    """
    first = scene.images[0].annotation
    if not first.is_detected:
        raise SceneError(
            f"product type {scene.manifest.product_type} cannot be read by the native engine yet",
            subject=scene.name,
            advice="Give a GRD scene",
        )
    if len({(i.annotation.lines, i.annotation.pixels) for i in scene.images}) > 1:
        raise SceneError("the polarizations differ in size", subject=scene.name, advice="Download it again")
    grid = radar_grid(first)
    bands = tuple(band for image in scene.images for band in _bands(image, context))
    return Product(scene.name, scene, grid, bands, first.state_vectors)


def _bands(image: Image, context: Context) -> tuple[Band, Band]:
    reader = PixelReader(image)
    shape = (image.annotation.lines, image.annotation.pixels)
    polarization = image.polarization

    def read(window: Window) -> NDArray[np.uint16]:
        return context.lines.read(image.raster, shape, window, reader.read_lines)

    amplitude = Band(
        f"Amplitude_{polarization}",
        "amplitude",
        read,
        polarization=polarization,
        dtype="uint16",
        nodata=0,
        description=f"digital number {polarization}",
    )
    intensity = Band(
        f"Intensity_{polarization}",
        "intensity",
        partial(_square, read),
        polarization=polarization,
        is_virtual=True,
        description=f"squared digital number {polarization}",
    )
    return amplitude, intensity


def _square(read: partial[NDArray[np.uint16]], window: Window) -> NDArray[np.float32]:
    samples = read(window)
    amplitude = samples.astype(np.float32)
    power = amplitude * amplitude
    power[samples == 0] = np.nan
    return power

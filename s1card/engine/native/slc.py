"""An SLC scene as a lazy product: sub-swaths, each a stack of bursts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.context import Context
from s1card.engine.native.product import Product, Signal
from s1card.errors import GraphError, SceneError
from s1card.geometry.radar_grid import RadarGrid
from s1card.geometry.tops import SubSwath, sub_swath
from s1card.scene.pixels import PixelReader
from s1card.scene.scene import Image, Scene
from s1card.window import Window


def slc_product(scene: Scene, context: Context) -> Product:
    """The lazy product of an opened IW or EW SLC scene: a part per sub-swath; of a single sub-swath, that one itself.

    Raises:
        SceneError: The scene has no bursts (stripmap), or the polarizations of a sub-swath differ in size.
    """
    if scene.images[0].annotation.tops is None:
        raise SceneError(
            f"an SLC scene of mode {scene.manifest.mode} cannot be read by the native engine",
            subject=scene.name,
            advice="Give an IW or EW scene, or a GRD scene",
        )
    swaths = sorted({image.swath for image in scene.images})
    parts = tuple(_sub_swath_product(scene, swath, context) for swath in swaths)
    if len(parts) == 1:
        return parts[0]
    return whole(parts)


def over_parts(source: Product, operator: Callable[[Product], Product]) -> Product:
    """Apply an operator to every sub-swath of a product that is not split yet, or to the product itself."""
    if not source.parts:
        return operator(source)
    parts = tuple(operator(part) for part in source.parts)
    return whole(parts)


def whole(parts: tuple[Product, ...]) -> Product:
    """A product of several sub-swaths: what they share, without bands of its own."""
    return replace(parts[0], bands=(), signals=(), swath="", bursts=None, parts=parts)


def require_bursts(source: Product, operator: str) -> SubSwath:
    """The bursts of one sub-swath.

    Raises:
        GraphError: The product is none, or several.
    """
    if source.bursts is None:
        what = "several sub-swaths" if source.parts else "no bursts"
        raise GraphError(
            f"{operator} needs one sub-swath of an SLC product, its source has {what}",
            subject=source.scene.name,
            advice="Place TOPSAR-Split before it" if source.parts else "Place it before TOPSAR-Deburst",
        )
    return source.bursts


def require_image(source: Product, operator: str) -> None:
    """Refuse bursts and sub-swaths that are not joined yet.

    Raises:
        GraphError: The source is not one image.
    """
    if source.parts or source.bursts is not None:
        raise GraphError(
            f"{operator} needs one image, its source is a stack of bursts",
            subject=source.scene.name,
            advice="Place TOPSAR-Deburst before it",
        )


def with_signals(product: Product, signals: Sequence[Signal]) -> Product:
    """The product with these complex images and their bands instead of what it had."""
    return replace(
        product, signals=tuple(signals), bands=tuple(band for signal in signals for band in signal.bands)
    )


def stack_grid(bursts: SubSwath) -> RadarGrid:
    """The grid of a stack of bursts: its size, and the times of the first burst going on."""
    return replace(bursts.burst(0), lines=bursts.shape[0])


def valid_samples(bursts: SubSwath, window: Window) -> NDArray[np.bool_]:
    """Which samples of a window of stacked bursts hold data, by the annotation."""
    valid = np.zeros(window.shape, np.bool_)
    for index in bursts.around(window):
        valid[bursts.valid_window(index).intersection(window).slices_in(window)] = True
    return valid


def _sub_swath_product(scene: Scene, swath: str, context: Context) -> Product:
    images = sorted(
        (image for image in scene.images if image.swath == swath), key=lambda i: i.raster.rpartition("/")[2]
    )
    if len({(i.annotation.lines, i.annotation.pixels) for i in images}) > 1:
        raise SceneError(
            f"the polarizations of {swath} differ in size", subject=scene.name, advice="Download it again"
        )
    annotation = images[0].annotation
    bursts = sub_swath(annotation)
    product = Product(
        scene.name, scene, stack_grid(bursts), (), annotation.state_vectors, swath=swath, bursts=bursts
    )
    return with_signals(product, [_signal(image, bursts, context) for image in images])


def _signal(image: Image, bursts: SubSwath, context: Context) -> Signal:
    return Signal(
        f"{image.swath}_{image.polarization}",
        image.polarization,
        context.lines.add(bursts.shape, PixelReader(image).read_iq),
        partial(valid_samples, bursts),
        dtype="int16",
    )

"""Which bands of its source an operator works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from s1card.engine.native.context import Parameters
from s1card.engine.native.product import Band, Product, Signal
from s1card.errors import GraphError

Layer = TypeVar("Layer", Band, Signal)


def with_bands(product: Product, names: Sequence[str]) -> Product:
    """The product with the named bands only, all of them without names; a virtual band that is named turns real.

    Raises:
        GraphError: A named band is not there.
    """
    if not names:
        return product
    chosen = tuple(replace(band, is_virtual=False) for band in product.real_bands(tuple(names)))
    kept = {band.name for band in chosen}
    signals = tuple(s for s in product.signals if {f"i_{s.name}", f"q_{s.name}"} <= kept)
    return replace(product, bands=chosen, signals=signals)


def selected_bands(source: Product, parameters: Parameters) -> tuple[Band, ...]:
    """Bands with a polarization, narrowed by ``sourceBands`` and ``selectedPolarisations``, in product order.

    Raises:
        GraphError: A named band or polarization is not there.
    """
    bands = source.real_bands(tuple(parameters.get("sourceBands") or ()))
    wanted = tuple(parameters.get("selectedPolarisations") or ())
    chosen = tuple(band for band in of_polarizations(bands, wanted, source) if band.polarization)
    if not chosen:
        raise GraphError("no band to work on", subject=source.scene.name)
    return chosen


def of_polarizations(
    layers: Sequence[Layer], polarizations: Sequence[str], source: Product
) -> tuple[Layer, ...]:
    """The bands or complex images of some polarizations, all of them where none is named.

    Raises:
        GraphError: A named polarization is not there.
    """
    present = dict.fromkeys(band.polarization for band in source.bands if band.polarization)
    missing = [p for p in polarizations if p not in present]
    if missing:
        raise GraphError(
            f"selectedPolarisations names {', '.join(missing)}, but the scene has {', '.join(present)}",
            subject=source.scene.name,
        )
    return tuple(layer for layer in layers if not polarizations or layer.polarization in polarizations)


def power_bands(source: Product, parameters: Parameters) -> tuple[Band, ...]:
    """The bands whose power an operator works on: those selected, or the intensities of complex images.

    Raises:
        GraphError: A named band or polarization is not there, or the complex images are interferograms.
    """
    if not source.signals:
        return selected_bands(source, parameters)
    wanted = tuple(parameters.get("selectedPolarisations") or ())
    named = tuple(parameters.get("sourceBands") or ())
    signals = of_polarizations(source.signals, wanted, source)
    if named:
        chosen = {_intensity(source, name) for name in named}
        signals = tuple(signal for signal in signals if signal.polarization in chosen)
    if any(signal.is_interferogram for signal in signals):
        raise GraphError(
            "an interferogram has no backscatter",
            subject=source.scene.name,
            advice="Place the operator before Interferogram",
        )
    return tuple(signal.intensity for signal in signals)


def _intensity(source: Product, name: str) -> str | None:
    """The polarization of a band of complex images; a name without its sub-swath means the band of every one.

    Raises:
        GraphError: There is no such band.
    """
    title, _, polarization = name.partition("_")
    if title == "Intensity" and any(signal.polarization == polarization for signal in source.signals):
        return polarization
    return source.band(name).polarization

"""Which bands of its source an operator works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from s1card.engine.native.context import Parameters
from s1card.engine.native.product import Band, Product
from s1card.errors import GraphError


def with_bands(product: Product, names: Sequence[str]) -> Product:
    """The product with the named bands only, all of them without names; a virtual band that is named turns real.

    Raises:
        GraphError: A named band is not there.
    """
    if not names:
        return product
    chosen = tuple(replace(band, is_virtual=False) for band in product.real_bands(tuple(names)))
    return replace(product, bands=chosen)


def selected_bands(source: Product, parameters: Parameters) -> tuple[Band, ...]:
    """Bands with a polarization, narrowed by ``sourceBands`` and ``selectedPolarisations``, in product order.

    Raises:
        GraphError: A named band or polarization is not there.
    """
    bands = source.real_bands(tuple(parameters.get("sourceBands") or ()))
    present = tuple(dict.fromkeys(b.polarization for b in source.bands if b.polarization))
    wanted = tuple(parameters.get("selectedPolarisations") or ())
    missing = [p for p in wanted if p not in present]
    if missing:
        raise GraphError(
            f"selectedPolarisations names {', '.join(missing)}, but the scene has {', '.join(present)}",
            subject=source.scene.name,
        )
    chosen = tuple(b for b in bands if b.polarization and (not wanted or b.polarization in wanted))
    if not chosen:
        raise GraphError("no band to work on", subject=source.scene.name)
    return chosen

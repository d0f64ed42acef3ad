"""Collocate: the bands of products on maps on the pixels of one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.band_merge import together
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.map_sampling import Place, map_grid_of, moved
from s1card.engine.native.product import Band, Product
from s1card.engine.native.resample import FLAGS
from s1card.errors import GraphError
from s1card.geometry.resampling import METHODS, NEAREST
from s1card.window import Window

FLAG_BAND = "collocationFlags"
ORIGINAL_NAME, NUMBER = "${ORIGINAL_NAME}", "${SLAVE_NUMBER_ID}"
"""What stands in patterns for the name of a band and for the number of its product."""


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """All bands, those of the secondaries brought onto the grid of the reference, and where these have pixels.

    The reference is the product that ``referenceProductName`` names, else the first one.

    Raises:
        GraphError: There is one product only, none of the stated name, one in radar geometry, or two bands would
            have one name.
    """
    first, others = _split(sources, str(parameters["referenceProductName"] or ""))
    grid, names = map_grid_of(first, "Collocate"), Naming.of(parameters, len(others))
    taps = METHODS[str(parameters["resamplingType"])]
    gathered = Gathered(first.scene.name)
    for band in first.real_bands():
        gathered.add(replace(band, name=names.of_reference(band.name)))
    for number, other in enumerate(others):
        place = Place(map_grid_of(other, "Collocate"), grid)
        for band in other.real_bands():
            name = names.of_secondary(band.name, number, gathered.bands)
            kernel = NEAREST if band.unit == FLAGS else taps
            gathered.add(replace(moved(band, place, kernel), name=name))
        gathered.add(_presence(place, names.of_flags(number, gathered.bands), other.name))
    name = str(parameters["targetProductName"] or f"{first.name}_collocated")
    product = replace(together([first, *others], tuple(gathered.bands.values()), ()), name=name)
    return product.with_fact("Collocate", _statement(first, others, parameters))


def _split(sources: Sequence[Product], name: str) -> tuple[Product, list[Product]]:
    """The reference and the others.

    Raises:
        GraphError: There is no such reference, or nothing beside it.
    """
    if len(sources) < 2:
        raise GraphError("Collocate needs at least two products", subject=sources[0].scene.name)
    found = [k for k, source in enumerate(sources) if name in ("", source.name)]
    if not found:
        present = ", ".join(dict.fromkeys(source.name for source in sources))
        raise GraphError(
            f"no source of Collocate has the referenceProductName {name!r}",
            subject=sources[0].scene.name,
            advice=f"There are {present}",
        )
    return sources[found[0]], [source for k, source in enumerate(sources) if k != found[0]]


@dataclass(eq=False)
class Gathered:
    """Bands by name; a name is taken once."""

    scene: str
    bands: dict[str, Band] = field(default_factory=dict)

    def add(self, band: Band) -> None:
        """Take a band in.

        Raises:
            GraphError: Its name is taken.
        """
        if band.name in self.bands:
            raise GraphError(
                f"two bands of Collocate would have the name {band.name!r}",
                subject=self.scene,
                advice=f"Let the patterns hold {ORIGINAL_NAME}, and {NUMBER} where there are several secondaries",
            )
        self.bands[band.name] = band


@dataclass(frozen=True)
class Naming:
    """Names of the bands of the result.

    Attributes:
        reference: Pattern, or "" to keep names.
        secondary: Pattern.
        renames_secondary: Whether it is used for all bands of secondaries, or only where a name is taken.
        is_one: Whether there is one secondary: it has no number then.
    """

    reference: str
    secondary: str
    renames_secondary: bool
    is_one: bool

    @classmethod
    def of(cls, parameters: Parameters, count: int) -> Naming:
        """What the parameters say, for so many secondaries."""
        reference = str(parameters["referenceComponentPattern"])
        return cls(
            reference if parameters["renameReferenceComponents"] else "",
            str(parameters["secondaryComponentPattern"]),
            bool(parameters["renameSecondaryComponents"]),
            count == 1,
        )

    def of_reference(self, name: str) -> str:
        """Name of a band of the reference."""
        return self.reference.replace(ORIGINAL_NAME, name) if self.reference else name

    def of_secondary(self, name: str, number: int, taken: Mapping[str, Band]) -> str:
        """Name of a band of a secondary; they are counted from 0."""
        if not self.renames_secondary and name not in taken:
            return name
        return self._renamed(name, "" if self.is_one else str(number))

    def of_flags(self, number: int, taken: Mapping[str, Band]) -> str:
        """Name of the band that says where a secondary has pixels."""
        if self.is_one:
            return _free(FLAG_BAND, taken)
        return self._renamed(FLAG_BAND, str(number))

    def _renamed(self, name: str, number: str) -> str:
        return self.secondary.replace(ORIGINAL_NAME, name).replace(NUMBER, number)


def _free(name: str, taken: Mapping[str, Band]) -> str:
    names = (f"{name}{number or ''}" for number in range(len(taken) + 1))
    return next(name for name in names if name not in taken)


def _presence(place: Place, name: str, product: str) -> Band:
    """1 where a product has pixels, 0 elsewhere."""

    def read(window: Window) -> NDArray[np.uint8]:
        line, _ = place.locate(window)
        return np.isfinite(line).astype(np.uint8)

    return Band(name, FLAGS, read, None, "uint8", None, description=f"1: within {product}")


def _statement(first: Product, others: Sequence[Product], parameters: Parameters) -> str:
    names = ", ".join(other.name for other in others)
    return f"{names} on the pixels of {first.name}, {parameters['resamplingType']}"

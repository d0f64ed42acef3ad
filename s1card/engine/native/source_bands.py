"""Bands of several sources named in one list, as SNAP writes them: ``Sigma0_VV`` or ``Sigma0_VV::product``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from s1card.engine.native.product import Band, Product
from s1card.errors import GraphError

SEPARATOR = "::"


@dataclass(frozen=True)
class NamedBand:
    """A band of one product, or of every source that has it where no product is named."""

    band: str
    product: str = ""

    @classmethod
    def parse(cls, text: str) -> NamedBand:
        """The band that a list names."""
        band, _, product = text.partition(SEPARATOR)
        return cls(band, product)

    def means(self, product: Product, band: Band) -> bool:
        """Whether a band of a product is meant."""
        return band.name == self.band and self.product in ("", product.name)


def named_bands(names: Sequence[str], sources: Sequence[Product]) -> list[list[Band]]:
    """Of every source the bands that are named, in its own order.

    Raises:
        GraphError: A named band is in none of the sources.
    """
    wanted = [NamedBand.parse(name) for name in names]
    for name, one in zip(names, wanted, strict=True):
        if not any(one.means(source, band) for source in sources for band in source.bands):
            raise GraphError(f"no source has the band {name!r}", subject=sources[0].scene.name)
    return [
        [band for band in source.bands if any(one.means(source, band) for one in wanted)]
        for source in sources
    ]

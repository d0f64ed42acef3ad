"""What a card is made of, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from s1card.card.names import BackscatterName, parameter_hash
from s1card.geometry.map_grid import MapGrid
from s1card.raster import BandSpec, BandStatistics, WrittenFile
from s1card.scene.records import StateVectors
from s1card.scene.scene import Scene


@dataclass(frozen=True)
class CardKind:
    """A type of card.

    Attributes:
        name: Product type, as in ids.
        recipe: Name of the recipe whose defaults make the standard card.
        is_flattened: Whether gamma0 is terrain-flattened.
        title: One line for humans.
        lineage: How it is made, in plain words.
    """

    name: str
    recipe: str
    is_flattened: bool
    title: str
    lineage: str


KINDS = {
    "CARD_BS": CardKind(
        "CARD_BS",
        "card-bs",
        False,
        "Sentinel-1 backscatter, gamma0 on the ellipsoid, orthorectified",
        "Orbit state vectors applied, border and thermal noise removed, calibrated to gamma0 referred to the "
        "ellipsoid (no terrain flattening, no speckle filter), orthorectified by range-Doppler geocoding.",
    ),
    "CARD_BS_RTC": CardKind(
        "CARD_BS_RTC",
        "card-bs-rtc",
        True,
        "Sentinel-1 backscatter, terrain-flattened gamma0, orthorectified",
        "Orbit state vectors applied, border and thermal noise removed, calibrated to beta0, "
        "terrain-flattened to gamma0 (no speckle filter), orthorectified by range-Doppler geocoding.",
    ),
}


@dataclass(frozen=True)
class CardBand:
    """A raster that was written and shall be part of a card.

    Attributes:
        name: ``VV``, ``VH``, ``HH``, ``HV`` or a layer: ``inc``, ``lia``, ``dem``, ``mask``.
        path: The file, a GeoTIFF of one band.
        sha256: Of the file, lower-case hexadecimal.
        size: Of the file in bytes.
        unit: Of the values, ``1`` for a ratio, "" where there is none.
        description: For humans.
        statistics: Over the valid pixels; None where they mean nothing (a bit mask).
    """

    name: str
    path: Path
    sha256: str
    size: int
    unit: str
    description: str
    statistics: BandStatistics | None = None

    @classmethod
    def of(cls, name: str, spec: BandSpec, written: WrittenFile) -> CardBand:
        """The band of a name that a raster writer has written to a file of its own.

        Whole numbers are taken for classes or bits, which have no mean.
        """
        (statistics,) = written.statistics
        is_measure = np.dtype(spec.dtype).kind == "f"
        return cls(
            name,
            written.path,
            written.sha256,
            written.size,
            spec.unit,
            spec.description,
            statistics if is_measure else None,
        )


@dataclass(frozen=True, eq=False)
class CardContext:
    """Everything a card says about how it came to be, and nothing that changes when it is made again.

    Attributes:
        kind: Type of the card, a key of ``KINDS``.
        scene: The source product.
        grid: Grid of every raster of the card.
        state_vectors: The orbit that was used.
        dem_name, dem_datum: Elevation model and its vertical datum.
        graph_xml: The graph as it ran, all parameters filled.
        recipe: Name of the recipe.
        engine: What ran the graph, for example ``native``.
        software: Versions of what took part, by name; s1card itself among them.
        parameters: What was asked for and differs from the recipe's defaults, as text. It is part of the
            identity: no paths and nothing that depends on the machine belongs here.
    """

    kind: str
    scene: Scene
    grid: MapGrid
    state_vectors: StateVectors
    dem_name: str
    dem_datum: str
    graph_xml: str
    recipe: str
    engine: str
    software: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def name(self) -> BackscatterName:
        """Identity of the card: a standard one has no hash, any other that of what makes it different."""
        kind = KINDS[self.kind]
        differences = dict(self.parameters)
        if self.recipe != kind.recipe:
            differences["recipe"] = self.recipe
        return BackscatterName(self.scene.name, kind.is_flattened, parameter_hash(differences))

    @property
    def card_id(self) -> str:
        """Identity of the card as text, also the name of its folder."""
        return str(self.name)

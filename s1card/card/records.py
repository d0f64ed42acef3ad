"""What a card is made of, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from s1card.card.names import BackscatterName, CoherenceName, parameter_hash
from s1card.geometry.map_grid import MapGrid
from s1card.raster import BandSpec, BandStatistics, WrittenFile
from s1card.scene.records import StateVectors
from s1card.scene.scene import Scene


@dataclass(frozen=True)
class CardKind:
    """A type of card.

    Attributes:
        name: Product type, as in ids.
        recipes: Names of the recipes whose defaults make the standard card.
        is_flattened: Whether gamma0 is terrain-flattened.
        is_coherence: Whether it is coherence of two dates, not backscatter of one.
        title: One line for humans.
        lineage: How it is made, in plain words.
    """

    name: str
    recipes: tuple[str, ...]
    is_flattened: bool
    title: str
    lineage: str
    is_coherence: bool = False


KINDS = {
    "CARD_BS": CardKind(
        "CARD_BS",
        ("card-bs", "card-bs-slc"),
        False,
        "Sentinel-1 backscatter, gamma0 on the ellipsoid, orthorectified",
        "Orbit state vectors applied, thermal noise and the border noise of detected images removed, calibrated to "
        "gamma0 referred to the ellipsoid (no terrain flattening, no speckle filter), orthorectified by range-Doppler "
        "geocoding.",
    ),
    "CARD_COH6": CardKind(
        "CARD_COH6",
        ("card-coh6",),
        False,
        "Sentinel-1 interferometric coherence of two dates, orthorectified",
        "Orbit state vectors applied, the earlier date resampled burst by burst onto the later one by orbits and "
        "elevation model, coherence estimated in a moving window with the phase of the geometry removed, bursts and "
        "sub-swaths joined, orthorectified by range-Doppler geocoding.",
        is_coherence=True,
    ),
    "CARD_BS_RTC": CardKind(
        "CARD_BS_RTC",
        ("card-bs-rtc",),
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
        name: ``VV``, ``VH``, ``HH``, ``HV`` or a layer: ``inc``, ``lia``, ``dem``, ``mask``, ``area``.
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
class PairContext:
    """What a card of two dates says of them.

    Attributes:
        reference: Slices of the later date.
        secondary: Slices of the earlier date.
        temporal_baseline_days: Days between them.
        secondary_orbit: Kind and name of the orbit of the earlier date.
        polarizations: Of the card.
    """

    reference: tuple[Scene, ...]
    secondary: tuple[Scene, ...]
    temporal_baseline_days: int
    secondary_orbit: str
    polarizations: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class CardContext:
    """Everything a card says about how it came to be, and nothing that changes when it is made again.

    Attributes:
        kind: Type of the card, a key of ``KINDS``.
        scene: The source product; of a pair, the (first slice of the) later date.
        grid: Grid of every raster of the card.
        state_vectors: The orbit that was used.
        dem_name, dem_datum: Elevation model and its vertical datum.
        graph_xml: The graph as it ran, all parameters filled.
        recipe: Name of the recipe.
        engine: What ran the graph, for example ``native``.
        software: Versions of what took part, by name; s1card itself among them.
        parameters: What was asked for and differs from the recipe's defaults, as text. It is part of the
            identity: no paths and nothing that depends on the machine belongs here.
        measures: Looks, and of a pair baselines and estimation window, as the engine states them, by name.
        pair: Of a coherence card.
        slices: Of a backscatter card of several slices; ``scene`` then is all of them as one.
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
    measures: Mapping[str, float] = field(default_factory=dict)
    pair: PairContext | None = None
    slices: tuple[Scene, ...] = ()

    def measured(self, prefix: str) -> dict[str, float]:
        """The measures whose name begins so, by the rest of their names (a sub-swath)."""
        return {
            k.removeprefix(prefix).partition("_")[0]: v
            for k, v in self.measures.items()
            if k.startswith(prefix)
        }

    @cached_property
    def sources(self) -> tuple[Scene, ...]:
        """All source products."""
        if self.pair is None:
            return self.slices or (self.scene,)
        return (*self.pair.reference, *self.pair.secondary)

    @cached_property
    def name(self) -> BackscatterName | CoherenceName:
        """Identity of the card: a standard one of one scene has no hash, any other that of what makes it different."""
        differences = dict(self.parameters)
        if self.recipe not in KINDS[self.kind].recipes:
            differences["recipe"] = self.recipe
        if self.pair is None:
            kind = KINDS[self.kind]
            return BackscatterName(self.scene.name, kind.is_flattened, parameter_hash(differences))
        return _coherence_name(self.pair, differences)

    @property
    def card_id(self) -> str:
        """Identity of the card as text, also the name of its folder."""
        return str(self.name)


def _coherence_name(pair: PairContext, differences: Mapping[str, str]) -> CoherenceName:
    """Dates, track and polarizations in plain text; products and parameters in the hash."""
    first, manifest = pair.polarizations[0], pair.reference[0].manifest
    sources = {
        "reference": ",".join(scene.name for scene in pair.reference),
        "secondary": ",".join(scene.name for scene in pair.secondary),
    }
    return CoherenceName(
        _stamp(manifest.start_time),
        _stamp(pair.secondary[0].manifest.start_time),
        manifest.relative_orbit,
        parameter_hash({**sources, **differences}),
        manifest.mode,
        f"1S{'D' if len(pair.polarizations) > 1 else 'S'}{first[0]}",
    )


def _stamp(time: np.datetime64) -> str:
    return str(time.astype("datetime64[s]")).replace("-", "").replace(":", "")

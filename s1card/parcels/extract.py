"""From a card and parcels to an extraction: the rows that a store takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from s1card.engine.base import Progress
from s1card.parcels.lattice import Lattice
from s1card.parcels.one_pass import RESULTS, BandResult, run_pass
from s1card.parcels.pixels.records import PixelBand, PixelSource
from s1card.parcels.records import EXTRA_STATISTICS, REASONS, BandSignatures, Extraction, Histograms
from s1card.parcels.weights import Rule, Weights

OPTIONAL = tuple(name for name in EXTRA_STATISTICS if name != "valid")
"""Statistics that are computed on request."""

BACKSCATTER = "bs"
FOOTPRINT_STEP = 0.01
"""Edges of footprints are cut into pieces of so many degrees before they are projected."""

Floats32 = NDArray[np.float32]
Indices = NDArray[np.int64]
WeightsOf = Callable[[Lattice], Weights]


@dataclass(frozen=True)
class ExtractSettings:
    """What the rows depend on besides card and parcels.

    Attributes:
        rule: Which pixels count, see `s1card.parcels.weights.compute_weights`.
        buffer: Parcels are made smaller by so many metres on every side.
        minimum_area: Parcels below so many m² are left out.
        minimum_pixels: Parcels with fewer valid pixels (or less weight) get a row with a reason.
        extras: Of `OPTIONAL`: ``mean_db`` and ``enl`` (backscatter only), ``inc`` (where the card has that layer).
    """

    rule: Rule = "centre"
    buffer: float = 0.0
    minimum_area: float = 3000.0
    minimum_pixels: float = 0.0
    extras: tuple[str, ...] = ()

    def as_mapping(self) -> dict[str, str]:
        """The settings as text, for the catalogue."""
        return {
            "rule": self.rule,
            "buffer": f"{self.buffer:g}",
            "minimum_area": f"{self.minimum_area:g}",
            "minimum_pixels": f"{self.minimum_pixels:g}",
            "extras": ",".join(self.extras),
        }


@dataclass(frozen=True)
class ExtractReport:
    """What became of the parcels in a card.

    Attributes:
        parcels: Parcels with a row.
        outside: Parcels that the card does not show.
        reasons: Rows without statistics, by reason.
        rows: Rows of all bands.
    """

    parcels: int
    outside: int
    rows: int
    reasons: Mapping[str, int] = field(default_factory=dict)


def extract(
    source: PixelSource,
    weights_of: WeightsOf,
    settings: ExtractSettings,
    *,
    threads: int = 2,
    progress: Progress | None = None,
) -> tuple[Extraction, ExtractReport]:
    """Reduce a card to the statistics of parcels.

    A parcel has a row if any of its pixels is valid, or if it lies in the footprint of the card: where it has no pixels
    or no valid ones there, the row tells why.

    Args:
        source: The card.
        weights_of: Gives the pixels of the parcels on a lattice.
        settings: How.
        threads: Threads that read and reduce.
        progress: Called with strips done and strips in all.

    Raises:
        DataError: A band cannot be read.
    """
    angle = source.incidence if "inc" in settings.extras else None
    bands = sorted([*source.bands, *([] if angle is None else [angle])], key=_grid_key)
    found = [
        _Found.by_pass(list(some), weights_of, settings, threads, progress)
        for _, some in groupby(bands, key=_grid_key)
    ]
    angles = next((f.means(angle.code) for f in found if angle is not None and angle.code in f.results), None)
    signatures: list[BandSignatures] = []
    histograms = None
    shown = [_shown(f, source.observation.footprint) for f in found]
    for band in source.bands:
        f, parcels = next((f, s) for f, s in zip(found, shown, strict=True) if band.code in f.results)
        if band.is_classes:
            histograms = f.histograms(band.code)
        else:
            optional = _optional(f, band, parcels, source, settings, angles)
            signatures.append(f.signatures(band.code, parcels, optional))
    extraction = Extraction(source.observation, signatures, histograms, settings.as_mapping())
    return extraction, _report(extraction, found, shown)


def _grid_key(band: PixelBand) -> str:
    return repr(band.grid)


@dataclass(frozen=True, eq=False)
class _Found:
    """What a pass found in the bands of one grid: by band code, and for the parcels of the weights."""

    weights: Weights
    results: Mapping[str, BandResult]

    @classmethod
    def by_pass(
        cls,
        bands: Sequence[PixelBand],
        weights_of: WeightsOf,
        settings: ExtractSettings,
        threads: int,
        progress: Progress | None,
    ) -> _Found:
        """Run the pass."""
        weights = weights_of(Lattice.of(bands[0].grid))
        least = settings.minimum_pixels
        results = run_pass(bands, weights, least=least, threads=threads, progress=progress)
        return cls(weights, {band.code: result for band, result in zip(bands, results, strict=True)})

    def column(self, code: str, name: str) -> Floats32:
        """A statistic of a band."""
        return self.results[code].values[:, RESULTS.index(name)]

    def means(self, code: str) -> dict[int, float]:
        """Mean of a band by the number of the parcel."""
        return dict(zip(self.weights.pid.tolist(), self.column(code, "mean").tolist(), strict=True))

    def signatures(self, code: str, parcels: Indices, optional: Mapping[str, Floats32]) -> BandSignatures:
        """Rows of some parcels."""
        names = [name for name in RESULTS if name != "reason"]
        values = {name: np.ascontiguousarray(self.column(code, name)[parcels]) for name in names}
        reason = self.column(code, "reason")[parcels].astype(np.uint8)
        return BandSignatures(code, self.weights.pid[parcels], reason, {**values, **optional})

    def histograms(self, code: str) -> Histograms:
        """Class counts of the parcels that have any."""
        counts = self.results[code].classes
        some = counts.any(axis=1)
        return Histograms(self.weights.pid[some], counts[some])


def _shown(found: _Found, footprint: BaseGeometry) -> Indices:
    """Positions of the parcels that a card shows: those with valid pixels, and those in its footprint."""
    has_data, touched = np.zeros((2, len(found.weights.pid)), np.bool_)
    for result in found.results.values():
        has_data |= result.classes.any(axis=1)
        if result.values.shape[1]:
            touched |= np.isfinite(result.values[:, 0])
            has_data |= result.values[:, RESULTS.index("count")] > 0
    doubtful = np.flatnonzero(touched & ~has_data)
    inside = doubtful[_is_in(footprint, found.weights, doubtful)]
    return np.asarray(np.union1d(np.flatnonzero(has_data), inside))


def _is_in(footprint: BaseGeometry, weights: Weights, parcels: Indices) -> NDArray[np.bool_]:
    """Whether the boxes of some parcels meet a footprint in longitude and latitude."""
    lattice = weights.lattice
    to_map = Transformer.from_crs("EPSG:4326", lattice.crs, always_xy=True)
    dense = shapely.segmentize(footprint, FOOTPRINT_STEP)
    outline = shapely.transform(dense, lambda xy: np.column_stack(to_map.transform(xy[:, 0], xy[:, 1])))
    shapely.prepare(outline)
    row, row_end, col, col_end = weights.box[parcels].astype(np.float64).T
    boxes = shapely.box(lattice.x(col), lattice.y(row_end), lattice.x(col_end), lattice.y(row))
    return np.asarray(shapely.intersects(outline, boxes))


def _optional(
    found: _Found,
    band: PixelBand,
    parcels: Indices,
    source: PixelSource,
    settings: ExtractSettings,
    angles: Mapping[int, float] | None,
) -> dict[str, Floats32]:
    """The statistics that were asked for, where they have a meaning."""
    out = {}
    mean, std = found.column(band.code, "mean")[parcels], found.column(band.code, "std")[parcels]
    is_power = source.observation.card == BACKSCATTER
    with np.errstate(divide="ignore", invalid="ignore"):
        if is_power and "mean_db" in settings.extras:
            out["mean_db"] = np.where(mean > 0, 10.0 * np.log10(mean), np.nan).astype(np.float32)
        if is_power and "enl" in settings.extras:
            out["enl"] = np.where(std > 0, (mean / std) ** 2, np.nan).astype(np.float32)
    if angles is not None:
        pids = found.weights.pid[parcels].tolist()
        out["inc"] = np.array([angles.get(pid, np.nan) for pid in pids], np.float32)
    return out


def _report(extraction: Extraction, found: Sequence[_Found], shown: Sequence[Indices]) -> ExtractReport:
    numbers = [f.weights.pid[parcels] for f, parcels in zip(found, shown, strict=True)]
    seen = len(np.unique(np.concatenate(numbers)))
    known = len(np.unique(np.concatenate([f.weights.pid for f in found])))
    counts = [np.bincount(band.reason, minlength=len(REASONS)) for band in extraction.bands]
    totals = np.sum(counts, axis=0) if counts else np.zeros(len(REASONS), np.int64)
    reasons = {REASONS[k]: int(n) for k, n in enumerate(totals) if k and n}
    return ExtractReport(seen, known - seen, extraction.row_count, reasons)

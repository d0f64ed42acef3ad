"""Compare two finished outputs, or two folders of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from s1card.engine.compare.difference import Pass, Progress, difference_pass
from s1card.engine.compare.lattice import Overlap, overlap_of
from s1card.engine.compare.names import TEXTURED, Scale, match, scale_of
from s1card.engine.compare.rasters import Band, Raster, open_output, products_below
from s1card.engine.compare.records import PERCENTILES, BandReport, ProductReport
from s1card.engine.compare.shift import Shift, find_shift
from s1card.errors import DataError

_FACTORS = {"amplitude": 20.0}


@dataclass(frozen=True)
class Options:
    """How outputs are compared.

    Attributes:
        bands: Patterns of the names of bands to compare; empty: all.
        scales: Patterns of bands, and how their differences are stated, before the rule; the last that fits holds.
        nodata: Value without data in both, where the files state none.
        shift: Whether to look for a shift.
        threads: Worker threads.
    """

    bands: tuple[str, ...] = ()
    scales: tuple[tuple[str, Scale], ...] = ()
    nodata: float | None = None
    shift: bool = True
    threads: int = 2


def compare_outputs(
    first: Path, second: Path, options: Options | None = None, progress: Progress | None = None
) -> list[ProductReport]:
    """Compare two finished outputs, or those of the same names in two folders.

    Args:
        first, second: Card, GeoTIFF, BEAM-DIMAP, ENVI, or a folder of them.
        options: How.
        progress: Called with strips done and strips in all, band by band.

    Raises:
        DataError: One cannot be read, they lie on different pixels, or have no band or product in common.
    """
    how = options or Options()
    many = products_below(first), products_below(second)
    if not all(many):
        return [compare_rasters(open_output(first), open_output(second), how, progress)]
    common = sorted(set(many[0]) & set(many[1]))
    if not common:
        raise DataError(
            f"no product of the same name is in {second}: {', '.join(sorted(many[0])[:3])} against "
            f"{', '.join(sorted(many[1])[:3])}",
            subject=str(first),
        )
    pairs = ((name, open_output(many[0][name]), open_output(many[1][name])) for name in common)
    return [replace(compare_rasters(a, b, how, progress), name=name) for name, a, b in pairs]


def compare_rasters(
    first: Raster, second: Raster, options: Options, progress: Progress | None = None
) -> ProductReport:
    """Compare the bands that two outputs have in common.

    Raises:
        DataError: They lie on different pixels, cannot be read, or have no band in common.
    """
    left, right = (_chosen(raster.bands, options) for raster in (first, second))
    pairs = match([(b.name, b.meaning) for b in left], [(b.name, b.meaning) for b in right])
    if not pairs and len(left) == len(right) == 1:
        pairs = [(0, 0)]
    if not pairs:
        raise DataError(
            f"no band is in both: {', '.join(b.name for b in left) or 'none'} in {first.name}, "
            f"{', '.join(b.name for b in right) or 'none'} in {second.name}",
            advice="Compare outputs of the same graph, or choose bands with --band",
        )
    overlaps = [overlap_of(left[a], right[b]) for a, b in pairs]
    reports = [
        _band_report(left[a], right[b], overlap, options, progress)
        for (a, b), overlap in zip(pairs, overlaps, strict=True)
    ]
    return ProductReport(
        "",
        first.name,
        second.name,
        tuple(reports),
        tuple(band.name for at, band in enumerate(left) if at not in {a for a, _ in pairs}),
        tuple(band.name for at, band in enumerate(right) if at not in {b for _, b in pairs}),
    )


def _chosen(bands: Sequence[Band], options: Options) -> list[Band]:
    wanted = [band for band in bands if not options.bands or _fits(band, options.bands)]
    if options.nodata is None:
        return wanted
    return [band if band.nodata is not None else replace(band, nodata=options.nodata) for band in wanted]


def _fits(band: Band, patterns: Sequence[str]) -> bool:
    names = (band.name.lower(), band.meaning.quantity, band.meaning.polarization.lower())
    return any(fnmatch(name, pattern.lower()) for pattern in patterns for name in names if name)


def _scale(band: Band, other: Band, options: Options) -> tuple[Scale, float]:
    """How differences are stated, and decibels per tenfold sample."""
    told = band if band.meaning.quantity else other
    scale = scale_of(told.meaning)
    for pattern, wanted in options.scales:
        if _fits(band, (pattern,)):
            factor = _FACTORS.get(told.meaning.quantity, 10.0) if wanted == "dB" else 0.0
            scale = wanted, factor
    return scale


def _band_report(
    first: Band, second: Band, overlap: Overlap, options: Options, progress: Progress | None
) -> BandReport:
    scale = _scale(first, second, options)
    found = difference_pass(first, second, overlap, scale, threads=options.threads, progress=progress)
    quantity = first.meaning.quantity or second.meaning.quantity
    has_texture = options.shift and quantity in TEXTURED
    shift = find_shift(first, second, overlap, scale[0]) if has_texture else None
    return _report(first, second, overlap, scale[0], found, shift, has_texture)


def _report(
    first: Band,
    second: Band,
    overlap: Overlap,
    scale: Scale,
    found: Pass,
    shift: Shift | None,
    has_texture: bool,
) -> BandReport:
    mean, other_mean = found.means
    return BandReport(
        name=first.name,
        other_name=second.name,
        quantity=first.meaning.quantity or second.meaning.quantity or "unknown",
        scale=scale,
        unit=_unit(first, scale),
        shape=first.shape,
        other_shape=second.shape,
        offset=overlap.offset,
        same_grid=overlap.is_same,
        on_map=overlap.on_map,
        pixels=found.pixels,
        both=found.both,
        only_first=found.only_first,
        only_second=found.only_second,
        mask_agreement=found.mask_agreement,
        not_positive=found.dark,
        identical=found.same / found.both if found.both else float("nan"),
        mean=float(mean),
        other_mean=float(other_mean),
        relative_bias=float(other_mean / mean - 1.0) if found.both and mean else float("nan"),
        bias=float(found.bias),
        rmse=float(found.rmse),
        largest=found.largest,
        median_absolute=found.absolute_quantile(0.5),
        p95_absolute=found.absolute_quantile(0.95),
        percentiles={p: found.quantile(p / 100) for p in PERCENTILES},
        correlation=float(np.clip(found.correlation, -1.0, 1.0)),
        shift=shift,
        has_texture=has_texture,
        found=found,
    )


def _unit(band: Band, scale: Scale) -> str:
    if scale == "dB" or band.meaning.in_decibels:
        return "dB"
    if scale == "phase":
        return "rad"
    return "" if band.unit.lower() in ("1", "coherence", "intensity", "amplitude") else band.unit

"""The pixels of all parcels on a lattice, computed once and kept in a file."""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from s1card.parcels.centre_rule import spans_by_centre
from s1card.parcels.coverage_rule import spans_by_coverage
from s1card.parcels.lattice import Lattice
from s1card.parcels.projection import Bounds, project_parcels
from s1card.parcels.records import Geometries, ParcelSet, Skipped
from s1card.parcels.reduce import sizes
from s1card.parcels.rings import rings_of
from s1card.parcels.spans import Spans, joined
from s1card.raster.disk import discard, disk_errors, part_name, publish

Rule = Literal["centre", "coverage"]

VERSION = 2
"""Of the file; another one is computed anew."""

PARCELS_AT_ONCE = 20_000
STALE_SECONDS = 3600.0
"""An unfinished file that nobody has written to for so long is left over from a process that died."""

KEPT = 16
"""So many files are kept, those used last: cards that are not snapped to multiples of their spacing need one each."""

RULES = {"centre": spans_by_centre, "coverage": spans_by_coverage}


@dataclass(frozen=True, eq=False)
class Weights:
    """The pixels of parcels on a lattice.

    Attributes:
        lattice: The lattice.
        pid: Numbers of the parcels, int32.
        box: First row, last row + 1, first column, last column + 1 of the pixels that the outline of each parcel
            touches, int32, parcels x 4: wherever a parcel has no pixel, that tells where it lies.
        spans: Its pixels.
        skipped: Parcels that have no place on the lattice, and why.
    """

    lattice: Lattice
    pid: NDArray[np.int32]
    box: NDArray[np.int32]
    spans: Spans
    skipped: tuple[Skipped, ...] = ()

    @cached_property
    def size(self) -> NDArray[np.float64]:
        """Pixels of every parcel, or the sum of their weights."""
        out = np.zeros(len(self.pid))
        sizes(self.spans.start, self.spans.length, self.spans.weight, self.spans.weights, out)
        return out

    @cached_property
    def samples(self) -> NDArray[np.int64]:
        """Pixels of every parcel, whatever their weights."""
        ends = np.concatenate([[0], np.cumsum(self.spans.length, dtype=np.int64)])
        return np.asarray(np.diff(ends[self.spans.start]))


def compute_weights(
    parcels: ParcelSet, lattice: Lattice, rule: Rule = "centre", *, buffer: float = 0.0, threads: int = 2
) -> Weights:
    """Find the pixels of parcels on a lattice.

    Args:
        parcels: In any coordinate system; they are projected to that of the lattice.
        lattice: The lattice.
        rule: ``centre``: a pixel counts if its centre lies in the parcel; ``coverage``: by the share in the parcel.
        buffer: Parcels are made smaller by so many metres on every side.
        threads: Threads that scan.
    """
    starts = range(0, len(parcels), PARCELS_AT_ONCE)
    bounds = tuple(shapely.total_bounds(parcels.geometries)) if len(parcels) else (0.0, 0.0, 0.0, 0.0)
    how = partial(_part, lattice=lattice, rule=rule, buffer=buffer, bounds=bounds)
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(how, [parcels.part(slice(k, k + PARCELS_AT_ONCE)) for k in starts]))
    return Weights(
        lattice,
        np.concatenate([part.pid for part in parts] or [np.zeros(0, np.int32)]),
        np.concatenate([part.box for part in parts] or [np.zeros((0, 4), np.int32)]),
        joined([part.spans for part in parts]),
        tuple(one for part in parts for one in part.skipped),
    )


def _part(parcels: ParcelSet, lattice: Lattice, rule: Rule, buffer: float, bounds: Bounds) -> Weights:
    """Weights of some parcels. One that vanishes by the buffer keeps its box: it is there, without pixels."""
    whole = project_parcels(parcels, lattice.crs, bounds=bounds)
    there = ParcelSet(whole.pid, whole.pid.astype(object), whole.geometries, lattice.crs)
    shrunk = project_parcels(there, lattice.crs, buffer=buffer)
    spans = RULES[rule](rings_of(shrunk.geometries, lattice))
    counts = np.zeros(len(whole.pid) + 1, np.int64)
    counts[1:][np.isin(whole.pid, shrunk.pid)] = np.diff(spans.start)
    spans = replace(spans, start=np.cumsum(counts))
    return Weights(lattice, whole.pid, _boxes(whole.geometries, lattice), spans, tuple(whole.skipped))


def _boxes(geometries: Geometries, lattice: Lattice) -> NDArray[np.int32]:
    """Box of every parcel, in whole pixels."""
    left, bottom, right, top = shapely.bounds(geometries).reshape(-1, 4).T
    begin, end = np.floor(lattice.row(top)), np.floor(lattice.row(bottom)) + 1
    sides = begin, end, np.floor(lattice.col(left)), np.floor(lattice.col(right)) + 1
    return np.stack(sides, axis=1).astype(np.int32)


@dataclass(frozen=True)
class WeightFolder:
    """Weights that are kept in files.

    Attributes:
        folder: Where; it is made when the first file is written.
        threads: Threads that scan.
    """

    folder: Path
    threads: int = 2

    def get(self, parcels: ParcelSet, lattice: Lattice, rule: Rule, buffer: float) -> Weights:
        """Weights from their file, or computed now and kept.

        Raises:
            ResourceError: The disk is full.
        """
        path = self.folder / f"{_key(parcels, lattice, rule, buffer)}.npz"
        kept = _load(path, lattice)
        if kept is not None:
            with suppress(OSError):  # a folder that may only be read serves as well
                os.utime(path)
            return kept
        weights = compute_weights(parcels, lattice, rule, buffer=buffer, threads=self.threads)
        _save(path, weights)
        _remove_oldest(self.folder)
        return weights


def _key(parcels: ParcelSet, lattice: Lattice, rule: Rule, buffer: float) -> str:
    text = f"{VERSION} {parcels.digest} {lattice} {rule} {buffer!r}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _save(path: Path, weights: Weights) -> None:
    """Write a file aside and rename it: other processes see all of it or nothing."""
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale_parts(path.parent)
    aside = part_name(path)
    spans = {f.name: getattr(weights.spans, f.name) for f in fields(Spans)}
    skipped = np.array([(one.id, one.reason, one.detail) for one in weights.skipped], np.str_).reshape(-1, 3)
    try:
        with disk_errors(path), aside.open("wb") as file:
            np.savez(file, pid=weights.pid, box=weights.box, skipped=skipped, **spans)
        publish(aside, path)
    finally:
        discard(aside)


def _remove_stale_parts(folder: Path) -> None:
    for part in folder.glob(".*.part"):
        with suppress(FileNotFoundError):  # another process may be as tidy
            if time.time() - part.stat().st_mtime > STALE_SECONDS:
                part.unlink()


def _remove_oldest(folder: Path) -> None:
    """Leave the `KEPT` files that were used last; who reads one of the others goes on reading it."""
    with suppress(OSError):  # another process may be as tidy
        files = sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[KEPT:]:
            path.unlink()


def _load(path: Path, lattice: Lattice) -> Weights | None:
    """Weights of a file; None if there is none, or if it is damaged."""
    try:
        with path.open("rb") as file, np.load(file) as kept:
            spans = Spans(**{f.name: kept[f.name] for f in fields(Spans)})
            skipped = tuple(Skipped(*(str(text) for text in row)) for row in kept["skipped"])
            return Weights(lattice, kept["pid"], kept["box"], spans, skipped)
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, EOFError):
        return None

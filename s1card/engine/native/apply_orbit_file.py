"""Apply-Orbit-File: better state vectors than the annotated ones."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Product
from s1card.engine.native.slc import over_parts
from s1card.errors import OrbitError
from s1card.scene.orbit import choose_orbit
from s1card.scene.records import StateVectors
from s1card.scene.time import seconds_since

log = logging.getLogger(__name__)

MARGIN = 10.0  # s of resampled vectors before the first and after the last line, as SNAP does
STEP = 1.0  # s between resampled vectors


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Replace the orbit of the source by vectors of an orbit file, resampled to 1 s.

    A fitting file is looked for where the surroundings say. Without one the annotated vectors stay, if
    ``continueOnFail`` allows it.
    """
    source = sources[0]
    annotation = source.scene.images[0].annotation
    try:
        vectors = _vectors(source, parameters, context)
    except OrbitError as error:
        if not parameters["continueOnFail"]:
            raise
        log.warning("%s; the annotated orbit is used", error.message)
        vectors = annotation.state_vectors
    if vectors.source != "annotation":
        vectors = resampled(
            vectors, annotation.first_line_time, annotation.last_line_time, int(parameters["polyDegree"])
        )
    fact = "Apply-Orbit-File", f"{vectors.source} {vectors.name}".strip()
    return over_parts(
        source, lambda part: replace(part, name=f"{part.name}_Orb", orbit=vectors).with_fact(*fact)
    )


def _vectors(source: Product, parameters: Parameters, context: Context) -> StateVectors:
    """Vectors of the given file or folder; with ``auto`` of the folder that holds the scene, else of a further one."""
    annotation, kinds = source.scene.images[0].annotation, _kinds(parameters)
    here = context.surroundings
    if here.orbit != "auto":
        return choose_orbit(annotation, here.orbit, kinds)
    beside = Path(source.scene.path).resolve().parent
    try:
        return choose_orbit(annotation, beside, kinds)
    except OrbitError:
        if here.orbit_folder is None:
            raise
        return choose_orbit(annotation, here.orbit_folder, kinds)


def _kinds(parameters: Parameters) -> tuple[str, ...]:
    """Kinds of orbit files to look for, the wanted one first; SNAP, too, tries the other one."""
    restituted_first = "Restituted" in str(parameters["orbitType"])
    return ("RESORB", "POEORB") if restituted_first else ("POEORB", "RESORB")


def resampled(vectors: StateVectors, start: np.datetime64, stop: np.datetime64, degree: int) -> StateVectors:
    """State vectors every second from 10 s before ``start`` to 10 s after ``stop``.

    Each is the polynomial through the ``degree + 1`` vectors around it, as in SNAP's Apply-Orbit-File.
    """
    duration = seconds_since(np.array([stop]), start)[0]
    t = np.arange(int(duration + 2 * MARGIN)) * STEP - MARGIN
    time = seconds_since(vectors.time, start)
    values = np.hstack([vectors.position, vectors.velocity])
    states = np.array([_interpolated(time, values, moment, degree + 1) for moment in t])
    stamps = start + np.round(t * 1e6).astype("timedelta64[us]")
    return replace(vectors, time=stamps, position=states[:, :3].copy(), velocity=states[:, 3:].copy())


def _interpolated(
    time: np.ndarray[tuple[int], np.dtype[np.float64]],
    values: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    moment: float,
    points: int,
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Lagrange polynomial through the ``points`` vectors around ``moment``."""
    k = int((moment - time[0]) / (time[-1] - time[0]) * (time.size - 1))
    first = min(max(k - (points - 1) // 2, 0), time.size - points)
    nodes = time[first : first + points]
    weights = np.array(
        [np.prod((moment - np.delete(nodes, i)) / (nodes[i] - np.delete(nodes, i))) for i in range(points)]
    )
    return np.asarray(weights @ values[first : first + points])

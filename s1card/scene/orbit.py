"""Orbit files (EOF): reading, joining, finding the best one for an acquisition."""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from lxml import etree

from s1card.errors import OrbitError, SceneError
from s1card.scene.records import Annotation, Floats, StateVectors, Times
from s1card.scene.safe import READ_ERRORS
from s1card.scene.time import parse_time
from s1card.scene.xml import Node, parse_xml

log = logging.getLogger(__name__)

MARGIN = np.timedelta64(120, "s")
"""Vectors kept before and after the acquisition."""
MINIMUM_VECTORS = 8
KINDS = ("POEORB", "RESORB")
"""Kinds of orbit files, the best first."""

_NAME = re.compile(
    r"(?P<platform>S1[A-Z])_OPER_AUX_(?P<kind>POEORB|RESORB)_OPOD_(?P<production>\d{8}T\d{6})"
    r"_V(?P<start>\d{8}T\d{6})_(?P<stop>\d{8}T\d{6})(\.EOF)?(\.zip)?",
    re.IGNORECASE,
)
_ADVICE = "Download the orbit file from the Copernicus Data Space, or take the annotated orbit (--orbit none)"


@dataclass(frozen=True)
class OrbitName:
    """What the name of an orbit file says."""

    platform: str
    kind: str
    production: np.datetime64
    start: np.datetime64
    stop: np.datetime64

    def covers(self, start: np.datetime64, stop: np.datetime64) -> bool:
        """Whether the file is valid for all of a period."""
        return bool(self.start <= start and stop <= self.stop)


def parse_orbit_name(name: str) -> OrbitName:
    """Platform, kind and times from the name of an orbit file, with or without folder, ``.EOF`` and ``.zip``.

    Raises:
        OrbitError: It is not the name of a precise or restituted orbit file.
    """
    match = _NAME.fullmatch(Path(name).name)
    if match is None:
        raise OrbitError("not the name of an orbit file", subject=name, advice=_ADVICE)
    return OrbitName(
        platform=match["platform"].upper(),
        kind=match["kind"].upper(),
        production=_compact_time(match["production"]),
        start=_compact_time(match["start"]),
        stop=_compact_time(match["stop"]),
    )


def read_orbit_file(
    path: str | Path, start: np.datetime64, stop: np.datetime64, platform: str | None = None
) -> StateVectors:
    """The state vectors around an acquisition from an EOF file, plain or zipped.

    Args:
        path: The file.
        start: First line of the acquisition.
        stop: Last line of the acquisition.
        platform: For example ``S1A``; None takes any.

    Returns:
        Vectors from 2 minutes before ``start`` to 2 minutes after ``stop`` as the file has them; at least 8.

    Raises:
        OrbitError: The file is unreadable, of another platform, or does not cover the acquisition.
    """
    return _covering(_read_vectors(Path(path), start, stop, platform), start, stop)


def join_orbits(first: StateVectors, second: StateVectors) -> StateVectors:
    """Two orbits of which the second goes on where the first ends, as one.

    Where they overlap, the first counts. Restituted files keep the same step but not the same phase, so the
    vectors that meet may be half a step to one and a half steps apart; duplicates fall away by that rule.

    Raises:
        OrbitError: A step is missing between them.
    """
    step = np.median(np.diff(first.time))
    later = second.time > first.time[-1] + step // 2
    gap = second.time[later][:1] - first.time[-1]
    if second.time[0] < first.time[0] or (gap > step + step // 2).any():
        raise OrbitError(
            "the two orbit files leave a gap between them",
            subject=f"{first.name} + {second.name}",
            advice=_ADVICE,
        )
    return StateVectors(
        time=np.concatenate([first.time, second.time[later]]),
        position=np.concatenate([first.position, second.position[later]]),
        velocity=np.concatenate([first.velocity, second.velocity[later]]),
        source=first.source if first.source == second.source else "RESORB",
        name=f"{first.name} + {second.name}" if later.any() else first.name,
    )


def find_orbit_file(
    folder: str | Path,
    platform: str,
    start: np.datetime64,
    stop: np.datetime64,
    kinds: Sequence[str] = KINDS,
) -> list[Path]:
    """The best orbit file in a folder (and those below it, such as SNAP's ``POEORB/S1A/2023/10``).

    The first kind comes first; a single file before two restituted ones that only together cover the
    acquisition; among equals the one produced last.

    Args:
        folder: Where to look.
        platform: For example ``S1A``.
        start: First line of the acquisition.
        stop: Last line of the acquisition.
        kinds: Kinds allowed, the best first.

    Returns:
        One file, two to be joined, or none.
    """
    candidates = _candidates(Path(folder), platform)
    for kind in kinds:
        covering = [path for path, name in candidates if name.kind == kind and name.covers(start, stop)]
        if covering:
            return covering[:1]
    return _pair(candidates, start, stop) if "RESORB" in kinds else []


def choose_orbit(annotation: Annotation, orbit: str | Path, kinds: Sequence[str] = KINDS) -> StateVectors:
    """The orbit to work with for an image.

    Args:
        annotation: Of the image.
        orbit: ``none`` for the annotated orbit, an EOF file, or a folder of them.
        kinds: Kinds of files allowed in a folder, the best first.

    Raises:
        OrbitError: The file does not fit, or the folder has none that does.
    """
    if str(orbit) == "none":
        return annotation.state_vectors
    platform, start, stop = annotation.mission, annotation.first_line_time, annotation.last_line_time
    path = Path(orbit)
    if not path.is_dir():
        return read_orbit_file(path, start, stop, platform)
    files = find_orbit_file(path, platform, start, stop, kinds)
    if not files:
        raise OrbitError(
            f"no {' or '.join(kinds)} file of {platform} for {start} to {stop}",
            subject=str(path),
            advice=_ADVICE,
        )
    if len(files) == 1:
        return read_orbit_file(files[0], start, stop, platform)
    first, second = (_read_vectors(file, start, stop, platform) for file in files)
    return _covering(join_orbits(first, second), start, stop)


def _covering(vectors: StateVectors, start: np.datetime64, stop: np.datetime64) -> StateVectors:
    """The vectors, if they reach over an acquisition: extrapolated orbits are worthless."""
    first, last = vectors.time[0], vectors.time[-1]
    if first > start or last < stop:
        raise OrbitError(
            f"its vectors ({first} to {last}) do not cover the acquisition ({start} to {stop})",
            subject=vectors.name,
            advice=_ADVICE,
        )
    return vectors


def _compact_time(text: str) -> np.datetime64:
    date, time = text[:8], text[9:]
    return parse_time(f"{date[:4]}-{date[4:6]}-{date[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}")


def _candidates(folder: Path, platform: str) -> list[tuple[Path, OrbitName]]:
    """All orbit files of a platform, the one produced last first."""
    files = [path for path in folder.rglob(f"{platform}_OPER_AUX_*ORB_OPOD_*") if _NAME.fullmatch(path.name)]
    named = [(path, parse_orbit_name(path.name)) for path in sorted(files)]
    return sorted(named, key=lambda item: item[1].production, reverse=True)


def _pair(
    candidates: Iterable[tuple[Path, OrbitName]], start: np.datetime64, stop: np.datetime64
) -> list[Path]:
    """Two restituted files that overlap and together cover the acquisition."""
    restituted = [(path, name) for path, name in candidates if name.kind == "RESORB"]
    firsts = [item for item in restituted if item[1].covers(start, start)]
    seconds = [item for item in restituted if item[1].covers(stop, stop)]
    for first, first_name in firsts:
        for second, second_name in seconds:
            if first_name.start < second_name.start <= first_name.stop:
                return [first, second]
    return []


def _read_vectors(
    path: Path, start: np.datetime64, stop: np.datetime64, platform: str | None
) -> StateVectors:
    """The vectors of one file near a period, of which the file need only cover a part."""
    try:
        root = parse_xml(_content(path), str(path))
        mission = root.text(".//Fixed_Header/Mission")
        kind = root.text(".//Fixed_Header/File_Type").removeprefix("AUX_")
        if root.text(".//Variable_Header/Ref_Frame").upper() != "EARTH_FIXED":
            raise root.error("the orbit is not earth fixed")
        vectors = root.child("Data_Block/List_of_OSVs")
        entries = list(vectors.element.iterchildren("OSV"))
        times = _times(vectors, entries)
        kept = entries[_near(times, start, stop)]
        table = _table(vectors, kept)
    except SceneError as error:
        raise OrbitError(error.message, subject=str(path), advice=_ADVICE) from error
    if platform is not None and f"S1{mission[-1:]}" != platform:
        raise OrbitError(
            f"the orbit is of {mission}, the scene of {platform}", subject=str(path), advice=_ADVICE
        )
    _warn_of_quality(kept, path)
    name = path.name.removesuffix(".zip")
    return StateVectors(times[_near(times, start, stop)], table[:, :3], table[:, 3:], source=kind, name=name)


def _content(path: Path) -> bytes:
    try:
        if not zipfile.is_zipfile(path):
            return path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.upper().endswith(".EOF")]
            if len(names) == 1:
                return archive.read(names[0])
    except READ_ERRORS as error:
        raise OrbitError(f"cannot be read: {error}", subject=str(path), advice=_ADVICE) from error
    raise OrbitError(f"the zip holds {len(names)} EOF files", subject=str(path), advice=_ADVICE)


def _times(vectors: Node, entries: list[etree._Element]) -> Times:
    """The times of all vectors, strictly increasing."""
    try:
        texts = [entry.findtext("UTC", "").strip().removeprefix("UTC=") for entry in entries]
        times = np.array(texts, dtype="datetime64[us]")
    except ValueError as error:
        raise vectors.error("a state vector has an unreadable time") from error
    if times.size < MINIMUM_VECTORS:
        raise vectors.error(f"the file has {times.size} state vectors")
    if np.isnat(times).any() or (np.diff(times) <= np.timedelta64(0, "us")).any():
        raise vectors.error("the state vectors are not in order of time")
    return times


def _near(times: Times, start: np.datetime64, stop: np.datetime64) -> slice:
    """The vectors within the margin of a period, widened to at least the minimum number."""
    first = int(np.searchsorted(times, start - MARGIN))
    last = int(np.searchsorted(times, stop + MARGIN, side="right"))
    lacking = max(0, MINIMUM_VECTORS - (last - first))
    first = max(0, min(first - (lacking + 1) // 2, times.size - MINIMUM_VECTORS))
    return slice(first, min(times.size, max(last, first + MINIMUM_VECTORS)))


def _table(vectors: Node, entries: list[etree._Element]) -> Floats:
    """Positions and velocities, n x 6, metres and metres per second."""
    try:
        rows = [
            [float(entry.findtext(axis, "")) for axis in ("X", "Y", "Z", "VX", "VY", "VZ")]
            for entry in entries
        ]
    except ValueError as error:
        raise vectors.error("a state vector is incomplete or not a number") from error
    table = np.array(rows, dtype=np.float64)
    if not np.isfinite(table).all():
        raise vectors.error("a state vector is NaN or infinite")
    return table


def _warn_of_quality(entries: list[etree._Element], path: Path) -> None:
    degraded = sum(entry.findtext("Quality", "NOMINAL").strip() != "NOMINAL" for entry in entries)
    if degraded:
        log.warning(
            "%s: %d of the %d state vectors used are not of nominal quality", path, degraded, len(entries)
        )

"""Orbit files for SNAP: those that the native engine would take, in the folders where SNAP looks for them."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from s1card.errors import OrbitError
from s1card.raster.disk import disk_errors
from s1card.scene.orbit import choose_orbit, find_orbit_file, parse_orbit_name, read_orbit_file
from s1card.scene.records import StateVectors
from s1card.scene.scene import Scene

ORBIT_TYPES = {
    "POEORB": "Sentinel Precise (Auto Download)",
    "RESORB": "Sentinel Restituted (Auto Download)",
}
"""SNAP's names of the kinds of orbit files."""


@dataclass(frozen=True, eq=False)
class OrbitChoice:
    """The orbit of a scene.

    Attributes:
        scene: The scene.
        file: Orbit file, None for the annotated orbit.
        vectors: State vectors.
    """

    scene: Scene
    file: Path | None
    vectors: StateVectors

    @property
    def orbit_type(self) -> str:
        """Value of ``orbitType`` with which SNAP finds the file first, and asks no server."""
        return ORBIT_TYPES[self.vectors.source]


def choose(
    scene: Scene, place: str, kinds: Sequence[str], *, go_on: bool, further: Path | None = None
) -> OrbitChoice:
    """The orbit for a scene, by the rules of the native engine.

    Args:
        scene: The scene.
        place: ``auto`` (the folder that holds the scene), ``none``, an orbit file or a folder of them.
        kinds: Kinds of files allowed in a folder, the wanted one first.
        go_on: Whether the annotated orbit will do where there is no file.
        further: Folder in which ``auto`` looks as well.

    Raises:
        OrbitError: There is none that fits, or only two that together do, which SNAP cannot join.
    """
    annotation = scene.images[0].annotation
    if place == "none":
        return OrbitChoice(scene, None, annotation.state_vectors)
    try:
        if place != "auto":
            return _from_files(scene, Path(place), kinds)
        return _from_folders(scene, further, kinds)
    except OrbitError:
        if not go_on:
            raise
        return OrbitChoice(scene, None, annotation.state_vectors)


def _from_folders(scene: Scene, further: Path | None, kinds: Sequence[str]) -> OrbitChoice:
    try:
        return _from_files(scene, Path(scene.path).resolve().parent, kinds)
    except OrbitError:
        if further is None:
            raise
        return _from_files(scene, further, kinds)


def _from_files(scene: Scene, place: Path, kinds: Sequence[str]) -> OrbitChoice:
    annotation = scene.images[0].annotation
    platform, start, stop = annotation.mission, annotation.first_line_time, annotation.last_line_time
    files = find_orbit_file(place, platform, start, stop, kinds) if place.is_dir() else [place]
    if len(files) > 1:
        raise OrbitError(
            f"only {' and '.join(file.name for file in files)} together cover it, and SNAP takes a single file",
            subject=scene.name,
            advice="Get the precise orbit file, take the annotated orbit (--orbit none), or use --engine native",
        )
    if not files:
        return OrbitChoice(scene, None, choose_orbit(annotation, place, kinds))  # raises, with its advice
    return OrbitChoice(scene, files[0], read_orbit_file(files[0], start, stop, platform))


def install_orbit(choice: OrbitChoice, user: Path) -> None:
    """Copy an orbit file to where SNAP looks: ``<kind>/<platform>/<year>/<month>/<name>.EOF.zip``.

    SNAP takes year and month from the first annotated state vector, which may lie in the month before the
    acquisition: then it goes into both folders.

    Args:
        choice: The orbit.
        user: SNAP's user directory.

    Raises:
        OrbitError: The name is not that of an orbit file; SNAP finds files by their names only.
        ResourceError: The disk is full.
    """
    if choice.file is None:
        return
    name = parse_orbit_name(choice.file.name)
    stem = choice.file.name.split(".")[0]
    annotation = choice.scene.images[0].annotation
    content = _content(choice.file)
    orbits = user / "auxdata" / "Orbits" / "Sentinel-1"
    times = {_month(annotation.state_vectors.time[0]), _month(annotation.first_line_time)}
    for year, month in sorted(times):
        folder = orbits / name.kind / name.platform / year / month
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(folder / f"{stem}.EOF.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(f"{stem}.EOF", content)


def _month(time: np.datetime64) -> tuple[str, str]:
    year, month = str(time.astype("datetime64[M]")).split("-")
    return year, month


def _content(path: Path) -> bytes:
    """The EOF document, unpacked; that it can be read was seen when it was chosen."""
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.upper().endswith(".EOF"))
        return archive.read(name)

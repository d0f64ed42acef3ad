"""An acquisition: the SLC slices of one datatake, and the bursts in them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from s1card.errors import SceneError
from s1card.scene.records import Annotation, Burst, Floats, Tops
from s1card.scene.scene import Image, Scene
from s1card.scene.time import seconds_since
from s1card.scene.tops import BEAM_CYCLES, REVOLUTION

POLARIZATIONS = ("VV", "VH", "HH", "HV")
"""Their order in everything made of a pair."""

_EARTH_RADIUS = 6_371_000.0


@dataclass(frozen=True, eq=False)
class PlacedBurst:
    """A burst and where it is: the image that holds it, and its number there from 0."""

    image: Image
    index: int

    @property
    def burst(self) -> Burst:
        """The burst."""
        return tops_of(self.image).bursts[self.index]


@dataclass(frozen=True, eq=False)
class Acquisition:
    """Slices of one datatake in order of time; slices may share bursts at their ends."""

    slices: tuple[Scene, ...]

    @property
    def start(self) -> np.datetime64:
        """Start of the first slice."""
        return self.slices[0].manifest.start_time

    @property
    def relative_orbits(self) -> tuple[int, ...]:
        """Relative orbits of the slices, each once: two where the datatake crosses the ascending node."""
        return tuple(dict.fromkeys(scene.manifest.relative_orbit for scene in self.slices))

    @property
    def swaths(self) -> tuple[str, ...]:
        """Sub-swaths of which any slice has an image, sorted."""
        return tuple(sorted({image.swath for scene in self.slices for image in scene.images}))

    @property
    def polarizations(self) -> tuple[str, ...]:
        """Polarizations that all slices have."""
        common = set.intersection(*(set(scene.polarizations) for scene in self.slices))
        return tuple(polarization for polarization in POLARIZATIONS if polarization in common)

    def images(self, swath: str, polarization: str | None = None) -> Iterator[Image]:
        """The image of a sub-swath in every slice that has one, in order of time."""
        for scene in self.slices:
            images = (image for image in scene.images if image.swath == swath)
            yield from (image for image in images if polarization in (None, image.polarization))

    def bursts(self, swath: str, polarization: str | None = None) -> dict[int, PlacedBurst]:
        """Bursts of a sub-swath by burst id, in order of time; of one in two slices that of the earlier one.

        Args:
            swath: For example ``IW2``.
            polarization: Whose image; None takes the first, as bursts are the same in all.
        """
        bursts: dict[int, PlacedBurst] = {}
        for image in self.images(swath, polarization):
            for index, burst in enumerate(tops_of(image).bursts):
                bursts.setdefault(burst.burst_id, PlacedBurst(image, index))
        return bursts

    def check_slices(self) -> None:
        """Looks whether every slice adds bursts, and none are missing between them.

        Raises:
            SceneError: The same slice stands there twice, or slices do not adjoin.
        """
        for first, second in pairwise(self.slices):
            if _is_within(first, second) or _is_within(second, first):
                raise _same_slice(first, second)
            swath, missing = missing_bursts(first, second)
            if missing:
                slices = f"slices {first.manifest.slice_number} and {second.manifest.slice_number}"
                raise SceneError(
                    f"{missing} burst(s) of {swath} are missing between these {slices} of one acquisition",
                    subject=both(first, second),
                    advice="Give the slices between them too, or those of one side alone",
                )


def tops_of(image: Image) -> Tops:
    """The TOPS part of the annotation of an image that has one."""
    tops = image.annotation.tops
    assert tops is not None
    return tops


def both(first: Scene, second: Scene) -> str:
    """Two scenes as the subject of an error."""
    return f"{first.name} and {second.name}"


def group_acquisitions(scenes: Iterable[Scene]) -> list[Acquisition]:
    """Scenes by datatake, each in order of time."""
    groups: dict[tuple[str, int], list[Scene]] = {}
    for scene in sorted(scenes, key=lambda scene: (scene.manifest.start_time, scene.name)):
        groups.setdefault((scene.manifest.platform, scene.manifest.datatake_id), []).append(scene)
    return [Acquisition(tuple(slices)) for slices in groups.values()]


def without_duplicates(acquisition: Acquisition) -> Acquisition:
    """The acquisition without slices whose bursts all stand in another one; of equal ones that processed last stays."""

    def rank(scene: Scene) -> tuple[object, ...]:
        return len(_burst_ids(scene)), _processed(scene)

    kept: list[Scene] = []
    for scene in sorted(acquisition.slices, key=rank, reverse=True):
        if not any(_is_within(scene, other) for other in kept):
            kept.append(scene)
    return Acquisition(tuple(scene for scene in acquisition.slices if scene in kept))


def adjoining_runs(slices: Sequence[Scene]) -> list[Acquisition]:
    """Slices of one datatake in order of time, divided where bursts are missing between them."""
    runs: list[list[Scene]] = []
    for scene in slices:
        if runs and not missing_bursts(runs[-1][-1], scene)[1]:
            runs[-1].append(scene)
        else:
            runs.append([scene])
    return [Acquisition(tuple(run)) for run in runs]


def missing_bursts(first: Scene, second: Scene) -> tuple[str, int]:
    """The sub-swath that lacks most bursts between two slices, and how many; ``("", 0)`` if they adjoin.

    Times tell, not ids: these start anew where a datatake crosses the end of the orbit's repeat cycle.
    """
    cycle = BEAM_CYCLES[first.manifest.mode].duration
    worst = ("", 0)
    for swath in sorted(_swaths(first) & _swaths(second)):
        last = tops_of(_image(first, swath)).bursts[-1].azimuth_time
        gap = seconds_since(tops_of(_image(second, swath)).bursts[0].azimuth_time, last)
        worst = max(worst, (swath, round(gap / cycle) - 1), key=lambda found: found[1])
    return worst


def id_shifts(reference: Acquisition, secondary: Acquisition) -> dict[str, int]:
    """What to add to burst ids of the secondary to meet those of the reference on the same ground, by sub-swath.

    Ids count from the annotated ascending node, which is wrong by up to seconds in some products, so that a burst
    may bear the number of its neighbour. Only sub-swaths with such bursts are listed.
    """
    shifts = {swath: _id_shift(reference, secondary, swath) for swath in reference.swaths}
    return {swath: shift for swath, shift in shifts.items() if shift}


def renumbered(acquisition: Acquisition, shifts: dict[str, int]) -> Acquisition:
    """The acquisition with burst ids changed by ``shifts``, by sub-swath."""

    def burst_of(burst: Burst, shift: int) -> Burst:
        return replace(burst, burst_id=burst.burst_id + shift)

    def image_of(image: Image) -> Image:
        tops, shift = tops_of(image), shifts.get(image.swath, 0)
        changed = replace(tops, bursts=tuple(burst_of(burst, shift) for burst in tops.bursts))
        return replace(image, annotation=replace(image.annotation, tops=changed))

    return Acquisition(
        tuple(
            replace(scene, images=tuple(image_of(image) for image in scene.images))
            for scene in acquisition.slices
        )
    )


def _id_shift(reference: Acquisition, secondary: Acquisition, swath: str) -> int:
    """The difference of ids that most bursts on the same ground have; 0 if there are none."""
    sides = [acquisition.bursts(swath) for acquisition in (reference, secondary)]
    if not all(sides):
        return 0
    ids = [np.array(list(bursts)) for bursts in sides]
    there, here = (np.array([_centre(placed) for placed in bursts.values()]) for bursts in sides)
    distance = np.linalg.norm(here[:, None] - there, axis=2)
    nearest = distance.argmin(axis=1)
    is_same = distance.min(axis=1) < 0.5 * _burst_length(reference.slices[0])
    differences = Counter((ids[0][nearest] - ids[1])[is_same].tolist())
    return int(differences.most_common(1)[0][0]) if differences else 0


def _burst_length(scene: Scene) -> float:
    """Distance on the ground from one burst to the next, m."""
    return BEAM_CYCLES[scene.manifest.mode].duration / REVOLUTION * 2 * math.pi * _EARTH_RADIUS


def _centre(placed: PlacedBurst) -> Floats:
    """The middle of a burst on a sphere, earth fixed, m; by the annotated tie points, good to some kilometres."""
    annotation = placed.image.annotation
    grid, column = annotation.geolocation_grid, annotation.geolocation_grid.pixel.size // 2
    latitude, longitude = np.radians(grid.latitude[:, column]), np.radians(grid.longitude[:, column])
    places = _EARTH_RADIUS * np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    )
    times = seconds_since(grid.azimuth_time[:, column], annotation.first_line_time)
    middle = _middle(annotation, placed)
    return np.array([np.interp(middle, times, axis) for axis in places])


def _middle(annotation: Annotation, placed: PlacedBurst) -> float:
    """Time of the middle of a burst, s since the first line of the image."""
    start = seconds_since(placed.burst.azimuth_time, annotation.first_line_time)
    return start + 0.5 * tops_of(placed.image).lines_per_burst * annotation.line_interval


def _image(scene: Scene, swath: str) -> Image:
    return next(image for image in scene.images if image.swath == swath)


def _swaths(scene: Scene) -> set[str]:
    return {image.swath for image in scene.images}


def _is_within(scene: Scene, other: Scene) -> bool:
    """Whether all bursts of a slice stand in another one."""
    return _burst_ids(scene) <= _burst_ids(other)


def _burst_ids(scene: Scene) -> set[tuple[str, int]]:
    """Bursts of a slice by sub-swath and id."""
    return {(image.swath, burst.burst_id) for image in scene.images for burst in tops_of(image).bursts}


def _processed(scene: Scene) -> tuple[bool, np.datetime64, str]:
    """Sorts by the time of processing; the name decides where that is unknown or the same."""
    stop = scene.manifest.processing_stop
    return stop is not None, np.datetime64(0, "us") if stop is None else stop, scene.name


def _same_slice(first: Scene, second: Scene) -> SceneError:
    """Two products of one slice, as after a reprocessing."""
    later = max(first, second, key=_processed)
    return SceneError(
        "both are the same slice of one acquisition",
        subject=both(first, second),
        advice=f"Give one of them: {later.name} was processed last",
    )

"""Slices of one datatake as one scene.

ESA cuts a datatake into products of some 25 s. Detected ones follow each other line by line; of complex ones the bursts
do, and the first of a slice may stand at the end of the one before as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import shapely

from s1card.errors import SceneError
from s1card.scene.acquisition import both, group_acquisitions
from s1card.scene.joining import SlicePlace, joined_annotation, joined_calibration, joined_noise
from s1card.scene.records import Annotation, Manifest
from s1card.scene.scene import Image, Scene
from s1card.scene.time import seconds_since

SAME_RANGE = 0.01
"""Samples by which the first samples of slices may differ in range."""


@dataclass(frozen=True, eq=False)
class Assembly:
    """Slices as one scene.

    Attributes:
        scene: Its images name all their files and cannot be opened as one.
        places: Of the slices in order of time, by swath.
    """

    scene: Scene
    places: dict[str, tuple[SlicePlace, ...]]


def assemble_slices(scenes: Sequence[Scene]) -> Assembly:
    """Slices of one datatake, in order of time, as one scene.

    Raises:
        SceneError: They are not of one datatake, do not adjoin, or differ in swaths, polarizations or sampling.
    """
    _check_same_datatake(scenes)
    places: dict[str, tuple[SlicePlace, ...]] = {}
    images = []
    for image in scenes[0].images:
        parts = [scene.image(image.polarization, image.swath) for scene in scenes]
        annotations = [part.annotation for part in parts]
        _check_sampling(scenes, annotations)
        found = places[image.swath] = _places(scenes, annotations)
        joined = Image(
            " + ".join(part.raster for part in parts),
            joined_annotation(annotations, found),
            joined_calibration([part.calibration for part in parts], found),
            joined_noise([part.noise for part in parts], found),
        )
        images.append(joined)
    first, last = scenes[0], scenes[-1]
    scene = Scene(_name(first.name, last.name), first.path, _joined_manifest(scenes), tuple(images))
    return Assembly(scene, places)


def _check_same_datatake(scenes: Sequence[Scene]) -> None:
    acquisitions = group_acquisitions(scenes)
    if len(acquisitions) > 1:
        raise SceneError(
            "slices of different datatakes cannot be put together",
            subject=both(*(acquisition.slices[0] for acquisition in acquisitions[:2])),
            advice="Give consecutive slices of one pass",
        )
    for scene in scenes[1:]:
        if _images_of(scene) != _images_of(scenes[0]):
            raise SceneError(
                "the slices differ in their swaths or polarizations",
                subject=both(scenes[0], scene),
                advice="Download them again, or process them one by one",
            )
    if scenes[0].images[0].annotation.tops is not None:
        acquisitions[0].check_slices()


def _images_of(scene: Scene) -> set[tuple[str, str]]:
    return {(image.swath, image.polarization) for image in scene.images}


def _check_sampling(scenes: Sequence[Scene], annotations: Sequence[Annotation]) -> None:
    first = annotations[0]
    for scene, other in zip(scenes[1:], annotations[1:], strict=True):
        difference = (other.slant_range_time - first.slant_range_time) * first.range_sampling_rate
        if abs(difference) > SAME_RANGE or other.range_pixel_spacing != first.range_pixel_spacing:
            raise SceneError(
                f"the samples of {first.swath} are at different ranges, the first ones {difference:.2f} apart",
                subject=both(scenes[0], scene),
                advice="Process the slices one by one",
            )


def _places(scenes: Sequence[Scene], annotations: Sequence[Annotation]) -> tuple[SlicePlace, ...]:
    """Where each slice lies; a burst that two slices have is taken from the earlier one."""
    if annotations[0].tops is None:
        _check_adjoining(scenes, annotations)
    pitch = max(_block_lines(annotation) for annotation in annotations)
    places: list[SlicePlace] = []
    first, seen = 0, set[int]()
    for annotation in annotations:
        lines, numbers = _block_lines(annotation), _burst_ids(annotation)
        skipped = sum(number in seen for number in numbers)
        blocks = annotation.lines // lines - skipped
        places.append(SlicePlace(first, skipped, blocks, lines, pitch, annotation.pixels))
        first += blocks
        seen.update(numbers)
    return tuple(places)


def _block_lines(annotation: Annotation) -> int:
    """Lines of a burst; a detected image may be cut anywhere."""
    return 1 if annotation.tops is None else annotation.tops.lines_per_burst


def _burst_ids(annotation: Annotation) -> list[int]:
    return [] if annotation.tops is None else [burst.burst_id for burst in annotation.tops.bursts]


def _check_adjoining(scenes: Sequence[Scene], annotations: Sequence[Annotation]) -> None:
    """Detected slices follow each other without a gap or an overlap."""
    for (first, a), (second, b) in pairwise(zip(scenes, annotations, strict=True)):
        lines = seconds_since(b.first_line_time, a.last_line_time) / a.line_interval - 1.0
        if abs(lines) > 0.5:
            what = f"{lines:.0f} lines are missing" if lines > 0 else f"they share {-lines:.0f} lines"
            raise SceneError(
                f"the slices do not adjoin: {what}",
                subject=both(first, second),
                advice="Give consecutive slices of one pass, each once",
            )


def _name(first: str, last: str) -> str:
    """The first slice's name with the stop time of the last one."""
    begin, end = first.split("_"), last.split("_")
    if len(begin) == len(end) >= 9:
        begin[-4] = end[-4]
    return "_".join([*begin, "Asm"])


def _joined_manifest(scenes: Sequence[Scene]) -> Manifest:
    manifests = [scene.manifest for scene in scenes]
    footprint = shapely.union_all([manifest.footprint for manifest in manifests]).convex_hull
    assert isinstance(footprint, shapely.Polygon)
    return replace(
        manifests[0], stop_time=manifests[-1].stop_time, slice_number=None, footprint=footprint, files=()
    )

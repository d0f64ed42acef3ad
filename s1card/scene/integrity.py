"""Whether the files of a product are whole: cheap structural checks, and checksums on request."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from s1card.errors import SceneError
from s1card.scene.pixels import open_measurement
from s1card.scene.reader import group_files
from s1card.scene.records import ManifestFile
from s1card.scene.safe import READ_ERRORS, Safe, open_safe
from s1card.scene.scene import Image, Scene

log = logging.getLogger(__name__)

_CHUNK = 1 << 22
_ADVICE = "Download the product again"

Measurements = Literal["all", "original", "none"]


def check_measurements(scene: Scene) -> None:
    """Looks whether every measurement is there, of the annotated size, and not cut short; reads no pixels.

    A file that is whole but not as long as the manifest says holds other pixels than ESA delivered; that is
    worth a warning, not an error (``verify_checksums`` is strict).

    Raises:
        SceneError: A measurement is missing, unreadable, of another size than annotated, or truncated.
    """
    safe = open_safe(scene.path)
    announced = {file.name: file.size for file in scene.manifest.files}
    for image in scene.images:
        name = _measurement_name(safe, image)
        size = safe.sizes.get(name, 0)
        expected = announced.get(name, size)
        if not size:
            problem = "is empty" if name in safe.sizes else "is missing"
            raise SceneError(f"{name} {problem}", subject=scene.name, advice=_ADVICE)
        _check_length(image, name, size, expected, scene.name)
        if size != expected:
            log.warning("%s: %s has %d bytes, the manifest says %d", scene.name, name, size, expected)


def verify_checksums(scene: Scene, *, measurements: Measurements = "all", threads: int = 2) -> None:
    """Compares size and MD5 of the files of the scene's images with the manifest; reads all their bytes.

    Args:
        scene: What to verify.
        measurements: Which measurement files to look at: ``all``; ``original``, those of the manifest's size (others
            hold other pixels than ESA delivered, and ``check_measurements`` warns of them); or ``none``.
        threads: Files hashed at a time.

    Raises:
        SceneError: A file is missing, truncated, or does not have the manifest's checksum.
    """
    safe = open_safe(scene.path)
    pixels = {_measurement_name(safe, image) for image in scene.images}
    files = list(_files_of_images(scene))
    if measurements == "none":
        files = [file for file in files if file.name not in pixels]
    elif measurements == "original":
        files = [file for file in files if file.name not in pixels or safe.sizes.get(file.name) == file.size]
    with ThreadPoolExecutor(threads) as pool:
        problems = [problem for problem in pool.map(lambda file: _problem(safe, file), files) if problem]
    if problems:
        raise SceneError(problems[0], subject=scene.name, advice=_ADVICE)


def _problem(safe: Safe, file: ManifestFile) -> str:
    """What is wrong with a file, "" if nothing."""
    size = safe.sizes.get(file.name)
    if size is None:
        return f"{file.name} is missing"
    if size != file.size:
        cut = ": truncated" if size < file.size else ""
        return f"{file.name} has {size} bytes, the manifest says {file.size}{cut}"
    if file.md5 and _md5(safe, file.name) != file.md5:
        return f"{file.name} does not have the checksum of the manifest"
    return ""


def _check_length(image: Image, name: str, size: int, expected: int, scene_name: str) -> None:
    """A file must reach as far as the strips or tiles that its directory lists."""
    try:
        needed = _last_byte(image)
    except SceneError as error:
        is_unreadable = error.__cause__ is not None
        if size >= expected or not is_unreadable:
            raise
        needed = expected  # cut so short that even its directory is gone
    if needed > size:
        message = f"{name} is truncated: it has {size} bytes of {max(needed, expected)}"
        raise SceneError(message, subject=scene_name, advice=_ADVICE)


def _measurement_name(safe: Safe, image: Image) -> str:
    """The name of a measurement relative to the product, which is what its raster path ends with."""
    return image.raster.removeprefix(safe.gdal_path(""))


def _files_of_images(scene: Scene) -> Iterator[ManifestFile]:
    files = {file.name: file for file in scene.manifest.files}
    wanted = set(scene.polarizations)
    for image in group_files(files).values():
        if image.polarization in wanted:
            yield from (files[name] for name in image.names.values())


def _last_byte(image: Image) -> int:
    """How long the measurement file must be to hold all the strips or tiles that its directory lists."""
    with open_measurement(image) as dataset:
        rows, columns = dataset.block_shapes[0]
        ends = [0]
        for row in range(-(-dataset.height // rows)):
            for column in range(-(-dataset.width // columns)):
                place = dataset.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=1)
                if place is not None:  # None: a block of zeros that the file leaves out
                    size = dataset.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=1)
                    ends.append(int(place) + int(size))
    return max(ends)


def _md5(safe: Safe, name: str) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with safe.open(name) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except READ_ERRORS as error:
        raise SceneError(f"{name} cannot be read: {error}", subject=safe.name, advice=_ADVICE) from error
    return digest.hexdigest()

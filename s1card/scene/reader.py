"""Opening a Sentinel-1 product: from a folder or zip to a Scene."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from s1card.errors import SceneError
from s1card.scene.annotation import parse_annotation
from s1card.scene.calibration import parse_calibration
from s1card.scene.manifest import parse_manifest
from s1card.scene.noise import parse_noise
from s1card.scene.records import Annotation, Manifest
from s1card.scene.safe import MANIFEST, Safe, open_safe, read_file
from s1card.scene.scene import Image, Scene
from s1card.scene.xml import DAMAGED, Node, parse_xml

log = logging.getLogger(__name__)

PRODUCT_TYPES = ("GRD", "SLC")
MODES = ("IW", "EW", "SM")

_STEM = (
    r"(?P<stem>s1[a-z]-[a-z0-9]+-(?:grd|slc)[a-z]?-[hv]{2}-\d{8}t\d{6}-\d{8}t\d{6}-\d{6}-[0-9a-f]{6}-\d{3})"
)
_PARTS = {
    "annotation": re.compile(rf"annotation/{_STEM}(-cog)?\.xml", re.IGNORECASE),
    "calibration": re.compile(rf"annotation/calibration/calibration-{_STEM}(-cog)?\.xml", re.IGNORECASE),
    "noise": re.compile(rf"annotation/calibration/noise-{_STEM}(-cog)?\.xml", re.IGNORECASE),
    "measurement": re.compile(rf"measurement/{_STEM}(-cog)?\.tiff?", re.IGNORECASE),
}


@dataclass(frozen=True)
class ImageFiles:
    """The files of one image as a manifest or folder lists them: part (``annotation``, ...) to name."""

    stem: str
    names: dict[str, str]

    @property
    def polarization(self) -> str:
        """Polarization by the file name."""
        return self.stem.split("-")[3].upper()


def open_scene(path: str | Path, *, polarizations: Sequence[str] | None = None) -> Scene:
    """A Sentinel-1 GRD or SLC product with all its annotation; pixels are not touched.

    An image of which the manifest lists files but the product has not one is left out with a warning (a
    download of one polarization); an image with some of its annotation missing is an error. A missing
    measurement is noticed by ``check_measurements`` and when pixels are read.

    Args:
        path: The ``.SAFE`` folder, its ``manifest.safe``, or a zip that holds the product at any depth.
        polarizations: The ones wanted, for example ``["VV"]``; None for all.

    Raises:
        SceneError: There is no such product, or it is of another kind, incomplete or damaged.
    """
    safe = open_safe(path)
    manifest_name = next(name for name in safe.sizes if name.lower() == MANIFEST)
    root = parse_xml(read_file(safe, manifest_name), f"{safe.name}/{manifest_name}")
    _check_kind(root, safe)
    manifest = parse_manifest(root)
    files = _wanted(_present(safe, manifest), polarizations, safe.name)
    images = tuple(_read_image(safe, manifest, image) for image in files)
    return Scene(name=safe.name, path=str(path), manifest=manifest, images=images)


def _check_kind(root: Node, safe: Safe) -> None:
    """Level 1 GRD or SLC of a mode with map-like images; checked before the rest of the manifest is read."""

    def text(path: str, absent: str) -> str:
        return root.text(path) if root.find(path) else absent

    family = text(".//{*}platform/{*}familyName", "unknown platform")
    mode = text(".//{*}instrumentMode/{*}mode", "unknown mode")
    kind = text(".//{*}standAloneProductInformation/{*}productType", "unknown (level 0?)")
    if family.upper() != "SENTINEL-1" or kind not in PRODUCT_TYPES or mode not in MODES:
        raise SceneError(
            f"a {family} product of mode {mode} and type {kind} cannot be used",
            subject=safe.name,
            advice="Take a Sentinel-1 GRD or SLC product of mode IW, EW or SM",
        )


def _present(safe: Safe, manifest: Manifest) -> list[ImageFiles]:
    """The images that the product really has, by the number of their files."""
    listed = group_files(file.name for file in manifest.files)
    found = group_files(safe.sizes)
    present = []
    for stem in sorted(listed.keys() | found.keys(), key=lambda stem: (stem[-3:], stem)):
        here = found[stem].names if stem in found else {}
        if not here:
            log.warning("%s: the product has no file of image %s, it is left out", safe.name, stem)
            continue
        if stem not in listed and "annotation" not in here:
            log.warning("%s: files of %s do not belong to the product", safe.name, stem)
            continue
        announced = listed[stem].names if stem in listed else {}
        for part in ("annotation", "calibration", "noise"):
            if part not in here:
                name = announced.get(part, f"the {part} file of {stem}")
                raise SceneError(f"{name} is missing", subject=safe.name, advice=DAMAGED)
        measurement = announced.get("measurement", f"measurement/{stem}.tiff")
        present.append(ImageFiles(stem, {"measurement": measurement} | here))
    if not present:
        raise SceneError("the product has no image with annotation", subject=safe.name, advice=DAMAGED)
    return present


def group_files(names: Iterable[str]) -> dict[str, ImageFiles]:
    """File names (relative to the product) by the image they belong to, keyed by the stem in lower case."""
    images: dict[str, ImageFiles] = {}
    for name in names:
        for part, pattern in _PARTS.items():
            match = pattern.fullmatch(name)
            if match:
                stem = match["stem"].lower()
                images.setdefault(stem, ImageFiles(stem, {})).names[part] = name
    return images


def _wanted(files: list[ImageFiles], polarizations: Sequence[str] | None, name: str) -> list[ImageFiles]:
    present = list(dict.fromkeys(image.polarization for image in files))
    wanted = present if polarizations is None else [polarization.upper() for polarization in polarizations]
    missing = [polarization for polarization in wanted if polarization not in present]
    if missing or not wanted:
        raise SceneError(
            f"no image in {', '.join(missing) or 'no polarization'}",
            subject=name,
            advice=f"The product has {', '.join(present)}",
        )
    return [image for image in files if image.polarization in wanted]


def _read_image(safe: Safe, manifest: Manifest, files: ImageFiles) -> Image:
    def root(part: str) -> Node:
        name = files.names[part]
        return parse_xml(read_file(safe, name), f"{safe.name}/{name}")

    annotation_root = root("annotation")
    annotation = parse_annotation(annotation_root, manifest.relative_orbit)
    _check_same(annotation, manifest, files, annotation_root)
    return Image(
        raster=safe.gdal_path(files.names["measurement"]),
        annotation=annotation,
        calibration=parse_calibration(root("calibration")),
        noise=parse_noise(root("noise"), annotation),
    )


def _check_same(annotation: Annotation, manifest: Manifest, files: ImageFiles, root: Node) -> None:
    """Annotation, manifest and file name must speak of the same image."""
    pairs = {
        "platform": (annotation.mission, manifest.platform),
        "orbit": (annotation.absolute_orbit, manifest.absolute_orbit),
        "polarization": (annotation.polarization, files.polarization),
    }
    for what, (annotated, expected) in pairs.items():
        if annotated != expected:
            raise root.error(f"the annotation is of {what} {annotated}, the product of {expected}")

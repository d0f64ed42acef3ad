"""A Sentinel-1 scene: what ESA delivered, as one immutable value."""

from __future__ import annotations

from dataclasses import dataclass

from s1card.errors import SceneError
from s1card.scene.records import Annotation, Calibration, Manifest, Noise


@dataclass(frozen=True, eq=False)
class Image:
    """One measurement file with its annotation: one swath and polarization.

    ``raster`` is a path that GDAL opens (a plain path or ``/vsizip/...``).
    """

    raster: str
    annotation: Annotation
    calibration: Calibration
    noise: Noise

    @property
    def swath(self) -> str:
        """Swath identifier, for example ``IW`` (GRD), ``IW1`` (SLC) or ``S3``."""
        return self.annotation.swath

    @property
    def polarization(self) -> str:
        """Polarization, for example ``VV``."""
        return self.annotation.polarization


@dataclass(frozen=True, eq=False)
class Scene:
    """A SAFE product: where it is, what its manifest says, and its images in the order of the annotation files.

    Attributes:
        name: Product name without ``.SAFE`` or ``.zip``.
        path: Folder or zip as given.
    """

    name: str
    path: str
    manifest: Manifest
    images: tuple[Image, ...]

    @property
    def polarizations(self) -> tuple[str, ...]:
        """Polarizations present, in the order of the images, each once."""
        return tuple(dict.fromkeys(image.polarization for image in self.images))

    def image(self, polarization: str, swath: str | None = None) -> Image:
        """The image of a polarization (and swath).

        Raises:
            SceneError: There is none.
        """
        for image in self.images:
            if image.polarization == polarization and swath in (None, image.swath):
                return image
        present = ", ".join(f"{image.swath} {image.polarization}" for image in self.images)
        wanted = f"{swath} {polarization}" if swath else polarization
        raise SceneError(f"no image {wanted}; the scene has {present}", subject=self.name)

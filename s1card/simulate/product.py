"""Names, numbers and times of a simulated product, shared by all its documents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from s1card.simulate.flight import DESIGNATORS, OrbitNumbers


@dataclass(frozen=True)
class SlicePlace:
    """Which slice of a data take a product is, counted from 1, and UTC of the beginning of the data take."""

    number: int
    count: int
    segment_start: np.datetime64


@dataclass(frozen=True, eq=False)
class Image:
    """One measurement: swath, polarization, number in the product, UTC of first and last line."""

    swath: str
    polarization: str
    number: int
    first_time: np.datetime64
    last_time: np.datetime64


@dataclass(frozen=True, eq=False)
class Product:
    """What every document of the product repeats.

    Attributes:
        platform: ``S1A`` .. ``S1D``.
        kind: ``GRD`` or ``SLC``.
        mode: ``IW``, ``EW`` or ``SM``.
        beam: What names and headers call the mode: ``IW``, ``EW``, or the beam of a stripmap.
        resolution: Letter of the resolution class (``H``, ``M``, ``_`` for SLC).
        polarizations: Co-polarization first.
        ascending: Direction of flight.
        ipf_version: Of the processor that is imitated, for example (3, 40).
        numbers: Of orbit and data take.
        slice: Place in the data take.
        images: The measurements.
        corners: Longitude, latitude of the corners.
        cog: Whether the measurements are cloud-optimised.
    """

    platform: str
    kind: str
    mode: str
    beam: str
    resolution: str
    polarizations: tuple[str, ...]
    ascending: bool
    ipf_version: tuple[int, int]
    numbers: OrbitNumbers
    slice: SlicePlace
    images: tuple[Image, ...]
    corners: list[tuple[float, float]]
    cog: bool = False

    @property
    def first_time(self) -> np.datetime64:
        """UTC of the first line of all images."""
        return min(image.first_time for image in self.images)

    @property
    def last_time(self) -> np.datetime64:
        """UTC of the last line of all images."""
        return max(image.last_time for image in self.images)

    @property
    def swaths(self) -> tuple[str, ...]:
        """Swaths of the images, each once."""
        return tuple(dict.fromkeys(image.swath for image in self.images))

    @property
    def has_azimuth_noise(self) -> bool:
        """Whether thermal noise is annotated as range and azimuth vectors."""
        return self.ipf_version >= (2, 90)

    @property
    def has_interference(self) -> bool:
        """Whether there are interference documents and burst ids."""
        return self.ipf_version >= (3, 40)

    @property
    def product_type(self) -> str:
        """For example ``IW_GRDH_1SDV`` (``S3_GRDH_1SSV`` for a stripmap) or ``IW_SLC__1SDV``."""
        letters = ("D" if len(self.polarizations) > 1 else "S") + self.polarizations[0][0]
        return f"{self.beam}_{self.kind}{self.resolution}_1S{letters}"

    @property
    def stem(self) -> str:
        """Product name without its last four digits."""
        span = f"{compact(self.first_time)}_{compact(self.last_time)}"
        return f"{self.platform}_{self.product_type}_{span}_{self._name_numbers}"

    def image_name(self, image: Image) -> str:
        """Name of the files of an image, without prefix and extension."""
        span = f"{compact(image.first_time)}-{compact(image.last_time)}"
        head = f"{self.platform}-{image.swath}-{self.kind}-{image.polarization}-{span}"
        return f"{head}-{self._name_numbers.replace('_', '-')}-{image.number:03d}".lower()

    def measurement_name(self, image: Image) -> str:
        """File name of the pixels of an image."""
        return self.image_name(image) + ("-cog.tiff" if self.cog else ".tiff")

    @property
    def _name_numbers(self) -> str:
        """Absolute orbit and data take as they stand in names."""
        return f"{self.numbers.absolute_orbit:06d}_{self.numbers.datatake_id:06X}"

    @property
    def software(self) -> str:
        """Version of the processor as it stands in files: ``003.40``."""
        return f"{self.ipf_version[0]:03d}.{self.ipf_version[1]:02d}"

    @property
    def international_designator(self) -> str:
        """COSPAR number of the platform."""
        return DESIGNATORS[self.platform]


def compact(time: np.datetime64) -> str:
    """Time as it stands in names: ``20210612T052622``."""
    return str(time.astype("datetime64[s]")).replace("-", "").replace(":", "")

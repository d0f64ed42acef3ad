"""What a simulated scene is to be: modes of the instrument and the choices of the user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from s1card.simulate.choices import (
    DAYS,
    TERRAINS,
    mean_height,
    refuse_outside,
    refuse_place,
    refuse_polarizations,
    refuse_time,
    refuse_unknown,
    version_numbers,
)


@dataclass(frozen=True)
class Mode:
    """An acquisition mode.

    Attributes:
        resolution: Letter of the resolution class in product names (``H``, ``M``).
        spacing: Pixel spacing in range and azimuth, metres.
        near_incidence, far_incidence: Angles at the edges of the full swath, degrees.
        swaths: Sub-swaths, near to far.
        cuts: Where one sub-swath ends and the next begins, as fractions of the image width.
        looks_range, looks_azimuth: Annotated numbers of looks.
    """

    resolution: str
    spacing: float
    near_incidence: float
    far_incidence: float
    swaths: tuple[str, ...]
    cuts: tuple[float, ...]
    looks_range: int
    looks_azimuth: int

    @property
    def is_tops(self) -> bool:
        """Whether several sub-swaths are merged, and noise has an azimuth part."""
        return len(self.swaths) > 1


MODES = {
    "IW": Mode("H", 10.0, 30.4, 46.1, ("IW1", "IW2", "IW3"), (0.337, 0.677), 5, 1),
    "EW": Mode("M", 40.0, 19.0, 47.0, ("EW1", "EW2", "EW3", "EW4", "EW5"), (0.27, 0.46, 0.65, 0.83), 6, 2),
    "SM": Mode("H", 10.0, 28.0, 34.8, ("S3",), (), 2, 2),
}

SPECKLES = ("gamma", "table", "none")
BORDERS = ("zero", "noise")
BETA_CONSTANT = 474.0  # as in products of ESA


@dataclass(frozen=True)
class GrdConfig:
    """The choices for a simulated GRD scene; same choices, same bytes.

    Attributes:
        lines, pixels: Image size.
        mode: ``IW``, ``EW`` or ``SM``.
        platform: ``S1A`` .. ``S1D``.
        ascending: Direction of flight.
        longitude, latitude: Scene centre, degrees.
        range_position: Place of the scene across the swath: 0 near edge, 1 far edge.
        date: Day (``2021-06-12``: the time of day follows from the sun-synchronous orbit) or UTC time of the
            middle of the scene. Empty: a day on which the platform flew.
        polarizations: Co-polarization first.
        terrain: ``flat``, ``hills``, ``steep`` or ``mountains``.
        height: Height above the ellipsoid that the terrain does not go below, metres.
        slopes: Whether slopes are as bright as they are to the radar, so that the gamma0 of a field is that of its
            terrain; else every field looks like level ground.
        dem_spacing: Spacing of the elevation model, arc seconds.
        targets: Number of point targets.
        speckle: ``gamma``, ``table`` (faster, from 65,536 quantiles) or ``none``.
        looks: Equivalent number of looks of the speckle.
        thermal_noise: Whether the annotated noise is in the pixels.
        digital_scale: Factor on the digital numbers and on the look-up values that belong to them: the larger, the
            finer amplitudes are rounded to whole numbers. Speckle makes rounding harmless; without it the samples of an
            even slope are all rounded the same way.
        ipf: Version of the processor to be imitated; below 2.90 noise is annotated as single vectors.
        border: Number of columns without signal at both sides.
        border_kind: ``zero``, or ``noise`` (the inner half of the border holds noise, as before IPF 2.90).
        annotation_orbit_error: Offset of the annotated orbit along track, to the right and up, metres.
        seed: Of fields, terrain, targets and speckle.
        cog: Write the measurements as cloud-optimised ``-cog.tiff``.
        zip: Write a zip of the product as well.
        threads, block_lines: How the work is cut; without influence on the result.
    """

    lines: int = 600
    pixels: int = 800
    mode: str = "IW"
    platform: str = "S1A"
    ascending: bool = True
    longitude: float = 10.8
    latitude: float = 45.25
    range_position: float = 0.5
    date: str = ""
    polarizations: tuple[str, ...] = ("VV", "VH")
    terrain: str = "hills"
    height: float = 60.0
    slopes: bool = False
    dem_spacing: float = 1.0
    targets: int = 9
    speckle: str = "gamma"
    looks: float = 4.4
    thermal_noise: bool = True
    digital_scale: float = 1.0
    ipf: str = "3.31"
    border: int = 0
    border_kind: str = "zero"
    annotation_orbit_error: tuple[float, float, float] = (0.0, 0.0, 0.0)
    seed: int = 1
    cog: bool = False
    zip: bool = False
    threads: int = 2
    block_lines: int = 64

    def __post_init__(self) -> None:
        refuse_unknown("mode", self.mode, tuple(MODES))
        refuse_unknown("terrain", self.terrain, tuple(TERRAINS))
        refuse_unknown("speckle", self.speckle, SPECKLES)
        refuse_unknown("border kind", self.border_kind, BORDERS)
        refuse_unknown("platform", self.platform, tuple(DAYS))
        refuse_polarizations(self.polarizations)
        refuse_time(self.day)
        refuse_outside("lines", self.lines, 64, 40_000)
        refuse_outside("pixels", self.pixels, 64, 40_000)
        refuse_outside("range position", self.range_position, 0.0, 1.0)
        refuse_place(self.longitude, self.latitude)
        refuse_outside("looks", self.looks, 1.0, 1000.0)
        refuse_outside("factor on digital numbers", self.digital_scale, 0.25, 16.0)
        refuse_outside("border", self.border, 0, self.pixels // 4)
        refuse_outside("number of targets", self.targets, 0, 10_000)
        refuse_outside("spacing of the elevation model", self.dem_spacing, 0.1, 30.0)
        refuse_outside("threads", self.threads, 1, 256)
        refuse_outside("lines in a block", self.block_lines, 1, 100_000)
        refuse_outside("IPF version", self.ipf_version, (2, 0), (9, 99))

    @property
    def mode_facts(self) -> Mode:
        """Constants of the mode."""
        return MODES[self.mode]

    @property
    def day(self) -> str:
        """The date, or that of the platform."""
        return self.date or DAYS[self.platform]

    @property
    def mean_height(self) -> float:
        """Height around which the terrain swings: that of the scene centre and of ground range, metres."""
        return mean_height(self.height, self.terrain)

    @property
    def beta_constant(self) -> float:
        """Look-up value of beta0: digital number of an amplitude of 1."""
        return BETA_CONSTANT * self.digital_scale

    @property
    def ipf_version(self) -> tuple[int, int]:
        """Version as two numbers: ``3.40`` is (3, 40)."""
        return version_numbers(self.ipf)

    @property
    def has_azimuth_noise(self) -> bool:
        """Whether thermal noise is annotated as range and azimuth vectors."""
        return self.ipf_version >= (2, 90)

    @property
    def image_swath(self) -> str:
        """Swath in the annotation of the image: the mode, or the beam of a stripmap."""
        return self.mode if self.mode_facts.is_tops else self.mode_facts.swaths[0]


@dataclass(frozen=True)
class SimulatedScene:
    """What was written.

    Attributes:
        safe: Product folder (``.SAFE``).
        dem: Elevation model, heights above the ellipsoid.
        orbit: Precise orbit file.
        truth: Folder with ``targets.csv``, ``fields.gpkg`` and ``scene.json``.
        archive: Zip of the product, if one was wanted.
    """

    safe: Path
    dem: Path
    orbit: Path
    truth: Path
    archive: Path | None = None

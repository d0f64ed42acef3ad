"""What a simulated pair of IW SLC scenes is to be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from s1card.errors import UsageError
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
from s1card.simulate.faults import SLC_FAULTS
from s1card.simulate.slc.beams import BEAMS

FULL_SAMPLES = BEAMS["IW1"].pixels
PAIR_FAULTS = {
    "other-track": "the secondary is of another relative orbit and sees the ground under another angle",
    "no-overlap": "the secondary lies behind the reference on its track",
    "other-subswaths": "the dates have no sub-swath in common",
    "missing-polarization": "the secondary has the co-polarization only",
}
"""Name of a fault of a pair, and what it does."""
REPEAT_DAYS = 6  # two satellites share an orbit, half a cycle of twelve days apart


@dataclass(frozen=True)
class SlcPairConfig:
    """The choices for a simulated pair; same choices, same bytes. The reference is the later date.

    Attributes:
        bursts: Per sub-swath.
        swaths: Sub-swaths, near to far.
        samples: Width of IW1, the others in proportion; 23,055 is a full product.
        platform, secondary_platform: Satellites.
        days: Between the dates: a multiple of 6, of 12 for one satellite.
        ascending: Direction of flight.
        longitude, latitude: Scene centre, degrees.
        range_position: Place of the scene across the real extent of its sub-swaths: 0 near, 1 far.
        date: Day (the time of day follows from the sun-synchronous orbit) or UTC time at which the reference sees
            the scene centre. Empty: a day on which its platform flew.
        baseline: Perpendicular baseline at the scene centre, metres; positive where the secondary is on the upper
            side of the reference's line of sight.
        missync: Lines by which the ground lies farther down in the bursts of the secondary.
        range_shift: Samples by which the range gate of the secondary opens later.
        polarizations: Co-polarization first.
        terrain: ``flat``, ``hills``, ``steep`` or ``mountains``.
        height: Height above the ellipsoid that the terrain does not go below, metres.
        slopes: Whether slopes are as bright as they are to the radar, so that the gamma0 of a field is that of its
            terrain; else every field looks like level ground.
        dem_spacing: Spacing of the elevation model, arc seconds.
        targets: Point targets per burst; every overlap of two bursts has one more.
        thermal_noise: Whether the annotated noise is in the pixels.
        ipf: Version of the processor to be imitated.
        annotation_orbit_error: Offset of the annotated orbits along track, to the right and up, metres.
        slices: Into how many consecutive products the bursts of each date are cut (1 or 2).
        seed: Of fields, terrain, targets, Doppler centroids and speckle.
        fault: What is to be wrong: a name of ``PAIR_FAULTS``, or of ``SLC_FAULTS`` for the (first slice of the)
            secondary; empty for nothing.
        zip: Write zips of the products as well.
        threads: How many work; without influence on the result.
    """

    bursts: int = 3
    swaths: tuple[str, ...] = ("IW1", "IW2", "IW3")
    samples: int = 1000
    platform: str = "S1B"
    secondary_platform: str = "S1A"
    days: int = 6
    ascending: bool = True
    longitude: float = 10.8
    latitude: float = 45.25
    range_position: float = 0.5
    date: str = ""
    baseline: float = 80.0
    missync: float = 0.6
    range_shift: float = 0.0
    polarizations: tuple[str, ...] = ("VV", "VH")
    terrain: str = "hills"
    height: float = 60.0
    slopes: bool = False
    dem_spacing: float = 1.0
    targets: int = 1
    thermal_noise: bool = True
    ipf: str = "3.40"
    annotation_orbit_error: tuple[float, float, float] = (0.0, 0.0, 0.0)
    slices: int = 1
    seed: int = 1
    fault: str = ""
    zip: bool = False
    threads: int = 2

    def __post_init__(self) -> None:
        for platform in (self.platform, self.secondary_platform):
            refuse_unknown("platform", platform, tuple(DAYS))
        refuse_unknown("terrain", self.terrain, tuple(TERRAINS))
        refuse_polarizations(self.polarizations)
        refuse_time(self.day)
        refuse_place(self.longitude, self.latitude)
        self._refuse_swaths()
        self._refuse_days()
        self._refuse_fault()
        refuse_outside("number of bursts", self.bursts, 1, 30)
        refuse_outside("samples", self.samples, 400, FULL_SAMPLES)
        refuse_outside("range position", self.range_position, 0.0, 1.0)
        refuse_outside("perpendicular baseline", self.baseline, -1000.0, 1000.0)
        refuse_outside("burst mis-synchronisation", self.missync, -100.0, 100.0)
        refuse_outside("range shift", self.range_shift, -300.0, 300.0)
        refuse_outside("number of targets in a burst", self.targets, 0, 20)
        refuse_outside("spacing of the elevation model", self.dem_spacing, 0.1, 30.0)
        refuse_outside("number of slices", self.slices, 1, min(2, self.bursts))
        refuse_outside("threads", self.threads, 1, 256)
        refuse_outside("IPF version", self.ipf_version, (2, 0), (9, 99))

    @property
    def day(self) -> str:
        """The date of the reference, or that of its platform."""
        return self.date or DAYS[self.platform]

    @property
    def mean_height(self) -> float:
        """Height around which the terrain swings, metres."""
        return mean_height(self.height, self.terrain)

    @property
    def ipf_version(self) -> tuple[int, int]:
        """Version as two numbers: ``3.40`` is (3, 40)."""
        return version_numbers(self.ipf)

    @property
    def is_coherent(self) -> bool:
        """Whether the dates see the same ground from the same track, in the same sub-swaths."""
        return self.fault not in ("other-track", "no-overlap", "other-subswaths")

    @property
    def reference_swaths(self) -> tuple[str, ...]:
        """Sub-swaths of the reference: all, or the first where the dates are to have none in common."""
        return self.swaths[:1] if self.fault == "other-subswaths" else self.swaths

    @property
    def secondary_swaths(self) -> tuple[str, ...]:
        """Sub-swaths of the secondary."""
        return self.swaths[1:] if self.fault == "other-subswaths" else self.swaths

    @property
    def secondary_polarizations(self) -> tuple[str, ...]:
        """Polarizations of the secondary."""
        return self.polarizations[:1] if self.fault == "missing-polarization" else self.polarizations

    def _refuse_fault(self) -> None:
        if self.fault:
            refuse_unknown("fault", self.fault, (*PAIR_FAULTS, *SLC_FAULTS))
        if self.fault == "other-subswaths" and len(self.swaths) < 2:
            raise UsageError("sub-swaths cannot differ where there is one", advice="Choose two or three")
        if self.fault == "missing-polarization" and len(self.polarizations) < 2:
            raise UsageError("no polarization can be missing where there is one", advice="Choose VV VH")

    def _refuse_swaths(self) -> None:
        for swath in self.swaths:
            refuse_unknown("sub-swath", swath, tuple(BEAMS))
        if not self.swaths or list(self.swaths) != sorted(set(self.swaths)):
            raise UsageError("sub-swaths are wanted once each, near to far", advice="Write IW1,IW2,IW3")

    def _refuse_days(self) -> None:
        step = REPEAT_DAYS * (2 if self.platform == self.secondary_platform else 1)
        if self.days < step or self.days % step:
            raise UsageError(
                f"{self.secondary_platform} is not on the track of {self.platform} {self.days} days before",
                advice=f"Choose a multiple of {step} days",
            )


@dataclass(frozen=True)
class SimulatedPair:
    """What was written.

    Attributes:
        reference, secondary: Product folders (``.SAFE``) of the later and of the earlier date, one a slice.
        dem: Elevation model, heights above the ellipsoid.
        orbits: Precise orbit files of reference and secondary.
        truth: Folder with ``targets.csv``, ``fields.gpkg`` and ``scene.json``.
        archives: Zips of all products, if they were wanted.
    """

    reference: tuple[Path, ...]
    secondary: tuple[Path, ...]
    dem: Path
    orbits: tuple[Path, Path]
    truth: Path
    archives: tuple[Path, ...] = ()

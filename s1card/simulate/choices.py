"""What the choices for any simulated scene share: shapes of terrain, days of platforms, what is refused."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from s1card.errors import UsageError

# Wave lengths (m) and heights (m) of the waves that make a terrain. Slopes add up to at most 0.25 (hills),
# 0.7 = 35 degrees (steep) and 0.57 = 29.6 degrees (mountains, long waves: 2000 m from lowest to highest).
TERRAINS: dict[str, tuple[tuple[float, float], ...]] = {
    "flat": (),
    "hills": ((6100.0, 60.0), (3900.0, 40.0), (2300.0, 25.0), (1500.0, 12.0)),
    "steep": ((9100.0, 380.0), (6700.0, 210.0), (4100.0, 110.0), (2600.0, 30.0)),
    "mountains": ((14000.0, 520.0), (10700.0, 300.0), (8300.0, 130.0), (5300.0, 50.0)),
}
# A day on which each platform flew.
DAYS = {"S1A": "2021-06-12", "S1B": "2021-06-18", "S1C": "2026-07-06", "S1D": "2026-07-12"}


class GroundChoices(Protocol):
    """What terrain, fields and targets are made from."""

    @property
    def longitude(self) -> float:
        """Scene centre, degrees."""

    @property
    def latitude(self) -> float:
        """Scene centre, degrees."""

    @property
    def mean_height(self) -> float:
        """Height around which the terrain swings, metres."""

    @property
    def terrain(self) -> str:
        """Name of ``TERRAINS``."""

    @property
    def polarizations(self) -> tuple[str, ...]:
        """Co-polarization first."""

    @property
    def seed(self) -> int:
        """Of everything random."""


def mean_height(lowest: float, terrain: str) -> float:
    """Height around which a terrain swings that does not go below ``lowest``, metres."""
    return lowest + sum(height for _, height in TERRAINS[terrain])


def version_numbers(ipf: str) -> tuple[int, int]:
    """A version of the processor as two numbers: ``3.40`` is (3, 40).

    Raises:
        UsageError: It is of another form.
    """
    major, _, minor = ipf.partition(".")
    if not (major.isdigit() and minor.isdigit() and len(minor) == 2):
        raise UsageError(f"IPF version {ipf!r} is not of the form 3.40")
    return int(major), int(minor)


def refuse_unknown(what: str, value: str, known: tuple[str, ...]) -> None:
    """Raise UsageError unless a value is one of those known."""
    if value not in known:
        raise UsageError(f"unknown {what} {value!r}", advice=f"Choose one of {', '.join(known)}")


def refuse_outside(what: str, value: object, lowest: object, highest: object) -> None:
    """Raise UsageError unless a value lies within its bounds."""
    if not lowest <= value <= highest:  # type: ignore[operator]
        raise UsageError(f"{what} {value} is outside {lowest} .. {highest}")


def refuse_polarizations(polarizations: tuple[str, ...]) -> None:
    """Raise UsageError unless the polarizations occur together."""
    known = (("VV",), ("HH",), ("VH",), ("HV",), ("VV", "VH"), ("HH", "HV"))
    if polarizations not in known:
        raise UsageError(
            f"polarizations {' '.join(polarizations) or 'none'} do not occur together",
            advice="Choose VV, VH, HH, HV, VV VH or HH HV",
        )


def refuse_time(date: str) -> None:
    """Raise UsageError unless a text is a day or a time."""
    try:
        np.datetime64(date, "us")
    except ValueError:
        raise UsageError(
            f"{date!r} is not a date", advice="Write 2021-06-12 or 2021-06-12T05:26:22"
        ) from None


def refuse_place(longitude: float, latitude: float) -> None:
    """Raise UsageError for places that no orbit sees."""
    refuse_outside("latitude", latitude, -78.0, 78.0)
    refuse_outside("longitude", longitude, -180.0, 180.0)

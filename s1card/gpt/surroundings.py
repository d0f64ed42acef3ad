"""What a call of ``gpt`` and the environment say of a run: memory, threads, elevation model, orbit files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from s1card.engine.native.context import Surroundings
from s1card.errors import UsageError
from s1card.geometry.dem import guess_datum
from s1card.geometry.geoid import VerticalDatum
from s1card.gpt.arguments import Arguments

USUAL_MEMORY = 2 << 30
LEAST_MEMORY = 512 << 20


def memory_of(arguments: Arguments) -> int:
    """Budget of a run, bytes: Java's heap as stated; else 2 GiB, or what the tile cache may take if that is more."""
    wanted = arguments.heap or max(USUAL_MEMORY, arguments.cache or 0)
    return max(LEAST_MEMORY, wanted)


@dataclass(frozen=True)
class Place:
    """The environment of a call.

    Attributes:
        variables: Environment variables.
        home: Home folder of the user.
    """

    variables: Mapping[str, str]
    home: Path

    @classmethod
    def here(cls) -> Place:
        """The environment of this process."""
        return cls(dict(os.environ), Path.home())

    def orbit_folder(self, arguments: Arguments) -> Path | None:
        """Where SNAP keeps orbit files, if it is there."""
        user = Path(arguments.properties.get("snap.userdir") or self.home / ".snap")
        folder = user / "auxdata" / "Orbits" / "Sentinel-1"
        return folder if folder.is_dir() else None

    def dem(self) -> Path | None:
        """The elevation model in place of those that SNAP would download.

        Raises:
            UsageError: It is not there.
        """
        text = self.variables.get("S1CARD_DEM", "")
        if text and not Path(text).exists():
            raise UsageError("the elevation model does not exist", subject=f"S1CARD_DEM={text}")
        return Path(text) if text else None

    def datum(self, dem: Path) -> str:
        """Vertical datum of that elevation model: as stated, or as its files tell.

        Raises:
            UsageError: Neither says.
        """
        text = self.variables.get("S1CARD_DEM_DATUM", "")
        datum = VerticalDatum.parse(text) if text else guess_datum(dem)
        if datum is None:
            raise UsageError(
                "the elevation model does not say what its heights are measured from",
                subject=str(dem),
                advice="Set S1CARD_DEM_DATUM to ellipsoid, egm96 or egm2008: a wrong one shifts the result by 50 m",
            )
        return str(datum)


def surroundings_of(arguments: Arguments, place: Place, *, own_dem: bool) -> Surroundings:
    """Surroundings of a run.

    Args:
        arguments: The call.
        place: The environment.
        own_dem: Whether the graph names an elevation model on disk, which then counts.

    Raises:
        UsageError: The elevation model of the environment cannot be used.
    """
    dem = None if own_dem else place.dem()
    return Surroundings(
        orbit=place.variables.get("S1CARD_ORBIT") or "auto",
        orbit_folder=place.orbit_folder(arguments),
        dem=dem,
        dem_datum=place.datum(dem) if dem else None,
        memory=memory_of(arguments),
        threads=arguments.threads or len(os.sched_getaffinity(0)),
    )

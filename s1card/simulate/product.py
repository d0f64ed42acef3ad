"""Names, numbers and times of a simulated product, shared by all its documents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from s1card.simulate.acquisition import Acquisition, footprint, revolutions_since
from s1card.simulate.config import GrdConfig
from s1card.simulate.orbit import PERIOD

# An ascending node crossing per platform with its absolute orbit, and the offset of the relative orbit.
_ANCHORS = {
    "S1A": ("2021-01-19T02:22:31.388113", 36201, 73, "2014-016A"),
    "S1B": ("2021-12-23T03:33:24", 30147, 27, "2016-025A"),
    "S1C": ("2026-07-06T04:40:00", 9123, 99, "2024-238A"),
    "S1D": ("2026-07-06T16:30:00", 3600, 42, "2025-251A"),
}
_S1C_CHANGE = 8018  # the last absolute orbit of S1C with the offset 172
_CYCLE_ORBITS = 175


@dataclass(frozen=True, eq=False)
class Product:
    """What every document of the product repeats.

    Attributes:
        config: The choices.
        acquisition: The geometry.
        absolute_orbit, relative_orbit, cycle, datatake_id: Numbers of the orbit and data take.
        first_time, last_time, node_time: UTC of first and last line and of the ascending node before.
        corners: Longitude, latitude of the corners.
    """

    config: GrdConfig
    acquisition: Acquisition
    absolute_orbit: int
    relative_orbit: int
    cycle: int
    datatake_id: int
    first_time: np.datetime64
    last_time: np.datetime64
    node_time: np.datetime64
    corners: list[tuple[float, float]]

    @property
    def product_type(self) -> str:
        """For example ``IW_GRDH_1SDV`` (``S3_GRDH_1SSV`` for a stripmap)."""
        polarizations = self.config.polarizations
        letters = ("D" if len(polarizations) > 1 else "S") + polarizations[0][0]
        return f"{self.config.image_swath}_GRD{self.config.mode_facts.resolution}_1S{letters}"

    @property
    def stem(self) -> str:
        """Product name without its last four digits."""
        span = f"{compact(self.first_time)}_{compact(self.last_time)}"
        return f"{self.config.platform}_{self.product_type}_{span}_{self.numbers}"

    @property
    def numbers(self) -> str:
        """Absolute orbit and data take as they stand in names."""
        return f"{self.absolute_orbit:06d}_{self.datatake_id:06X}"

    def image_name(self, polarization: str) -> str:
        """Name of the files of an image, without prefix and extension."""
        number = self.config.polarizations.index(polarization) + 1
        span = f"{compact(self.first_time)}-{compact(self.last_time)}"
        head = f"{self.config.platform}-{self.config.image_swath}-grd-{polarization}-{span}"
        return f"{head}-{self.numbers.replace('_', '-')}-{number:03d}".lower()

    def measurement_name(self, polarization: str) -> str:
        """File name of the pixels of an image."""
        return self.image_name(polarization) + ("-cog.tiff" if self.config.cog else ".tiff")

    @property
    def international_designator(self) -> str:
        """COSPAR number of the platform."""
        return _ANCHORS[self.config.platform][3]


def make_product(config: GrdConfig, acquisition: Acquisition) -> Product:
    """Number and name a product."""
    first, last = acquisition.line_time(np.array([0, acquisition.lines - 1]))
    node = acquisition.utc(acquisition.orbit.ascending_node_time)
    absolute = absolute_orbit(config.platform, acquisition, node)
    offset = _ANCHORS[config.platform][2]
    if config.platform == "S1C" and absolute <= _S1C_CHANGE:
        offset = 172
    return Product(
        config,
        acquisition,
        absolute,
        (absolute - offset) % _CYCLE_ORBITS + 1,
        max(1, (absolute - offset) // _CYCLE_ORBITS + 1),
        absolute * 8 + config.seed % 8,
        acquisition.utc(float(first)),
        acquisition.utc(float(last)),
        node,
        footprint(acquisition),
    )


def absolute_orbit(platform: str, acquisition: Acquisition, node: np.datetime64) -> int:
    """Absolute orbit that begins at an ascending node, counted from a real crossing of the platform."""
    anchor, number, _, _ = _ANCHORS[platform]
    half = np.timedelta64(round(PERIOD / 2.0 * 1e6), "us")
    return max(1, number + revolutions_since(np.datetime64(anchor, "us"), node + half))


def compact(time: np.datetime64) -> str:
    """Time as it stands in names: ``20210612T052622``."""
    return str(time.astype("datetime64[s]")).replace("-", "").replace(":", "")

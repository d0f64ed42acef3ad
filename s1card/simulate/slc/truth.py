"""The truth of a pair: what was written about it, and where the secondary sees what the reference sees."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from s1card.scene.records import Floats
from s1card.simulate.fields import write_fields
from s1card.simulate.ground import meet_terrain
from s1card.simulate.slc.beams import WAVELENGTH
from s1card.simulate.slc.config import SlcPairConfig
from s1card.simulate.slc.expected import field_columns
from s1card.simulate.slc.facts import slc_product
from s1card.simulate.slc.flights import perpendicular_baseline, scene_centre
from s1card.simulate.slc.passes import PairPlan, Pass, plan_pair
from s1card.simulate.slc.render import DateModel
from s1card.simulate.slc.targets import Sighting
from s1card.simulate.slc.world import PairWorld
from s1card.simulate.terrain import Heights


@dataclass(frozen=True, eq=False)
class Coregistration:
    """Where and how the secondary sees places of the reference, arrays of the same shape.

    Attributes:
        line, pixel: In the burst of the secondary.
        height: Of the terrain above the ellipsoid, metres.
        phase: Of reference times conjugate secondary, radians, not wrapped: 4 pi / wavelength times the range of
            the secondary minus that of the reference.
    """

    line: Floats
    pixel: Floats
    height: Floats
    phase: Floats


@dataclass(frozen=True, eq=False)
class PairTruth:
    """The exact geometry of a pair."""

    plan: PairPlan
    heights: Heights

    def coregistration(self, swath: str, burst: int, line: Floats, pixel: Floats) -> Coregistration:
        """Where the secondary sees the terrain at lines and pixels (same shape) of a burst of the reference.

        Args:
            burst: Counted from 0 in the data take; lines count from the first line of the burst.
        """
        pair = self.plan.burst_pair(swath, burst)
        view, other_view = pair.reference.view, pair.secondary.view
        shape = np.shape(line)
        flat = np.ravel(np.asarray(line, np.float64)), np.ravel(np.asarray(pixel, np.float64))
        points, height = meet_terrain(view, self.heights, *flat, view.reference_height)
        time, distance = other_view.look(points)
        excess = distance - view.slant_range(time, flat[1])
        there = other_view.place_of(time, distance)
        return Coregistration(
            there[0].reshape(shape),
            there[1].reshape(shape),
            height.reshape(shape),
            (4.0 * math.pi / WAVELENGTH * excess).reshape(shape),
        )


def open_truth(folder: Path) -> PairTruth:
    """The exact geometry of a pair that was written before, from its folder (that of the products)."""
    facts = json.loads((folder / "truth" / "scene.json").read_text(encoding="utf-8"))
    choices: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in facts["configuration"].items()
    }
    with rasterio.open(folder / "dem.tif") as dem:
        corner, step = dem.transform, dem.transform.a
        heights = Heights(corner.c + 0.5 * step, corner.f - 0.5 * step, step, dem.read(1))
    return PairTruth(plan_pair(SlcPairConfig(**choices)), heights)


def write_truth(folder: Path, plan: PairPlan, world: PairWorld, models: tuple[DateModel, DateModel]) -> None:
    """Write ``targets.csv``, ``fields.gpkg`` and ``scene.json``."""
    folder.mkdir(exist_ok=True)
    _write_targets(folder / "targets.csv", plan, world, models)
    identifiers, columns = field_columns(plan, world, models)
    write_fields(folder / "fields.gpkg", world.fields, identifiers, columns)
    _write_scene(folder / "scene.json", plan, world, int(identifiers.size))


def _write_targets(path: Path, plan: PairPlan, world: PairWorld, models: tuple[DateModel, DateModel]) -> None:
    names, places = world.places.names, world.places
    header = [
        "date",
        "swath",
        "burst",
        "name",
        "longitude",
        "latitude",
        "height",
        "line_in_burst",
        "line",
        "pixel",
        "azimuth_time",
        "slant_range",
        "phase",
    ]
    header += [f"amplitude_{polarization}" for polarization in plan.config.polarizations]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        for date, passed, model in zip(
            ("reference", "secondary"), (plan.reference, plan.secondary), models, strict=True
        ):
            for seen in model.sightings:
                k = seen.target
                place = places.longitude[k], places.latitude[k], places.height[k]
                row = [date, seen.swath, seen.burst, names[k], *(f"{value:.12f}" for value in place)]
                writer.writerow(row + _sighting_columns(passed, seen))


def _sighting_columns(passed: Pass, seen: Sighting) -> list[str]:
    line = seen.line + passed.burst(seen.swath, seen.burst).first_line
    return [
        f"{seen.line:.9f}",
        f"{line:.9f}",
        f"{seen.pixel:.9f}",
        str(passed.flight.utc(seen.azimuth_time)),
        f"{seen.slant_range:.6f}",
        f"{seen.phase:.9f}",
        *(f"{amplitude:.3f}" for amplitude in seen.amplitudes),
    ]


def _write_scene(path: Path, plan: PairPlan, world: PairWorld, fields: int) -> None:
    config = plan.config
    orbits = plan.reference.flight.orbit, plan.secondary.flight.orbit
    dates = (
        ("reference", plan.reference, config.polarizations),
        ("secondary", plan.secondary, config.secondary_polarizations),
    )
    products = {
        name: [slc_product(config, passed, k, polarizations) for k in range(len(passed.slices))]
        for name, passed, polarizations in dates
    }
    facts: dict[str, Any] = {
        "products": {name: [product.stem for product in found] for name, found in products.items()},
        "footprints": {name: [product.corners for product in found] for name, found in products.items()},
        "perpendicular_baseline": perpendicular_baseline(*orbits, scene_centre(config)),
        "relative_orbits": [
            passed.flight.numbers.relative_orbit for passed in (plan.reference, plan.secondary)
        ],
        "burst_ids": {
            swath: [burst.burst_id for image in plan.reference.images(swath) for burst in image.bursts]
            for swath in plan.reference.swaths
        },
        "fields": fields,
        "targets": int(world.places.height.size),
        "configuration": {k: v for k, v in asdict(config).items() if k != "threads"},
    }
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")

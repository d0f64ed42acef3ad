"""The ground of a pair: terrain, fields and targets that both dates see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from s1card.geometry.map_grid import MapGrid
from s1card.simulate.fields import FieldMap, make_fields
from s1card.simulate.frame import LocalFrame
from s1card.simulate.ground import ground_bounds
from s1card.simulate.slc.beams import LINE_INTERVAL
from s1card.simulate.slc.passes import PairPlan, Pass
from s1card.simulate.slc.targets import Places, place_targets
from s1card.simulate.slc.view import SlantView
from s1card.simulate.terrain import Heights, Terrain, dem_grid, make_terrain

PARTS = (1, 2, 4)  # fields of 1000, 500 and 250 m: enough samples for a coherence
_AROUND_LINES, _AROUND_PIXELS = 160, 400  # what is needed of the ground beyond the images


@dataclass(frozen=True, eq=False)
class PairWorld:
    """The ground: terrain as sampled, fields and targets on it, and whether its slopes differ in brightness."""

    terrain: Terrain
    grid: MapGrid
    heights: Heights
    fields: FieldMap
    places: Places
    slopes: bool = False


def make_pair_world(plan: PairPlan) -> PairWorld:
    """Terrain, fields and targets of a pair."""
    config = plan.config
    frame = LocalFrame(config.longitude, config.latitude)
    terrain = make_terrain(config, frame)
    views = [view for passed in (plan.reference, plan.secondary) for view in _whole_views(passed)]
    bounds = _union([ground_bounds(view, terrain.span) for view in views])
    grid = dem_grid(bounds, config.dem_spacing, 0.01)
    heights = terrain.sample(grid)
    fields = make_fields(config, frame, bounds, PARTS)
    return PairWorld(terrain, grid, heights, fields, place_targets(plan, fields, heights), config.slopes)


def _whole_views(passed: Pass) -> list[SlantView]:
    """One view per sub-swath that holds all its bursts and what is needed around them."""
    views = []
    for swath in passed.swaths:
        images = passed.images(swath)
        view = images[0].bursts[0].view
        lines = round((images[-1].last_time - view.first_time) / LINE_INTERVAL) + 1
        around = 2 * _AROUND_LINES, 2 * _AROUND_PIXELS
        views.append(view.window(-_AROUND_LINES, -_AROUND_PIXELS, lines + around[0], view.pixels + around[1]))
    return views


def _union(bounds: list[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    """West, south, east, north of all; longitudes go on beyond 180."""
    corners = np.array(bounds)
    turns = np.round((corners[0, 0] - corners[:, 0]) / 360.0) * 360.0
    west, east = corners[:, 0] + turns, corners[:, 2] + turns
    return float(west.min()), float(corners[:, 1].min()), float(east.max()), float(corners[:, 3].max())

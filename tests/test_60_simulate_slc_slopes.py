"""Slopes of a pair as bright as the radar sees them: closed forms on level ground, exact places in the mountains."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from s1card.simulate import SlcPairConfig
from s1card.simulate.ground import meet_terrain
from s1card.simulate.slc.expected import field_columns
from s1card.simulate.slc.pair import _make_date
from s1card.simulate.slc.passes import BurstPair, plan_pair
from s1card.simulate.slc.radiometry import BETA_CONSTANT
from s1card.simulate.slc.slopes import gains_at
from s1card.simulate.slc.tiles import TileFrame, TileGeometry, tile_frames, tile_geometry
from s1card.simulate.slc.world import PairWorld, make_pair_world

CONFIG = SlcPairConfig(bursts=1, swaths=("IW2",), samples=400, targets=0, polarizations=("VV",), slopes=True)


def tile(config: SlcPairConfig) -> tuple[BurstPair, TileFrame, TileGeometry, PairWorld]:
    plan = plan_pair(config)
    world = make_pair_world(plan)
    pair = plan.burst_pair(*plan.reference.bursts[0])
    frame = tile_frames(pair, world.terrain.span)[0]
    ground = world.terrain.span, world.heights, world.fields.lattice
    return pair, frame, tile_geometry(pair, frame, *ground, slopes=world.slopes), world


def test_level_ground_is_the_cotangent() -> None:
    pair, frame, geometry, _ = tile(replace(CONFIG, terrain="flat"))
    row, col = np.array([200.0, 900.0]), np.array([60.0, 300.0])
    at = (row - frame.first_line).astype(int), (col - frame.first_pixel).astype(int)
    angle = np.radians(pair.reference.view.incidence(row, col))
    np.testing.assert_allclose(geometry.gains[0][at], BETA_CONSTANT**2 / np.tan(angle), rtol=1e-3)
    ratio = geometry.gains[1][at] / geometry.gains[0][at] - 1.0
    # 80 m of baseline at 860 km turn the look by 0.005 degrees.
    assert np.all((np.abs(ratio) > 2e-5) & (np.abs(ratio) < 5e-4))


def test_mountains() -> None:
    """Both dates, at the exact places of the ground; the ratio of areas itself is tested for detected scenes."""
    pair, frame, geometry, world = tile(replace(CONFIG, terrain="mountains"))
    random = np.random.default_rng(1)
    row, col = random.integers(0, 1500, 300), random.integers(0, 400, 300)
    points, _ = meet_terrain(
        pair.reference.view,
        world.heights,
        row.astype(float),
        col.astype(float),
        pair.reference.view.reference_height,
    )
    for gains, seen in zip(geometry.gains, (pair.reference, pair.secondary), strict=True):
        there = gains[row - frame.first_line, col - frame.first_pixel]
        exact = gains_at(seen.view, world.heights, points)
        # Beside an edge of the elevation model a millimetre decides between two slopes.
        assert np.quantile(np.abs(there / exact - 1.0), 0.98) < 1e-3
    levels = geometry.gains[0] / BETA_CONSTANT**2
    assert np.quantile(levels, 0.98) / np.quantile(levels, 0.02) > 2.0


def test_without_slopes_there_are_no_gains() -> None:
    _, _, geometry, world = tile(replace(CONFIG, slopes=False, terrain="mountains"))
    assert not world.slopes
    assert all(gains.size == 0 for gains in geometry.gains)


def test_noise_weighs_more_on_dark_slopes() -> None:
    """What noise leaves of the coherence depends on the slope, where slopes differ in brightness."""
    found = {}
    for slopes in (False, True):
        config = replace(CONFIG, terrain="mountains", slopes=slopes)
        plan = plan_pair(config)
        world = make_pair_world(plan)
        models = tuple(
            _make_date(plan, world, passed, ("VV",)).model for passed in (plan.reference, plan.secondary)
        )
        found[slopes] = field_columns(plan, world, (models[0], models[1]))[1]["coherence_VV_expected"]
    change = found[True] / found[False] - 1.0
    change = change[np.isfinite(change)]
    assert change.size > 20
    assert np.abs(change).max() > 1e-3
    assert math.isclose(float(np.median(change)), 0.0, abs_tol=0.02)

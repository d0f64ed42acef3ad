"""What a perfect processor finds in the fields of a pair: their coherence, with noise and shifted spectra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s1card.scene.records import Floats, Ints
from s1card.simulate.ellipsoid import geodetic_to_ecef
from s1card.simulate.fields import (
    COHERENCES,
    SQUARE,
    backscatter_columns,
    classes_of,
    coherences_of,
    exported_fields,
    fields_at,
)
from s1card.simulate.slc.beams import WAVELENGTH
from s1card.simulate.slc.carrier import carrier_cycles_at
from s1card.simulate.slc.passes import BurstPair, PairPlan
from s1card.simulate.slc.render import DateModel, bands_of
from s1card.simulate.slc.slopes import gains_at
from s1card.simulate.slc.speckle import strengths
from s1card.simulate.slc.spectrum import compact_overlap_table, overlap_at, overlap_table
from s1card.simulate.slc.world import PairWorld
from s1card.simulate.terrain import heights_at

ROUNDING_NOISE = 1.0 / 6.0
"""Power that rounding adds, in phase and in quadrature together."""

_REACH_LINES, _REACH_PIXELS = SQUARE / 13.0, SQUARE / 3.0  # how far a square reaches in an image, at most
_STEP = 15.0  # metres over which the gradient of the phase is taken

_THIRDS = (1.0 / 6.0, 0.5, 5.0 / 6.0)

# Places just outside a field, around it.
_BESIDE = [
    (u, v) for u in (-0.1, 0.2, 0.5, 0.8, 1.1) for v in (-0.1, 0.2, 0.5, 0.8, 1.1) if {u, v} & {-0.1, 1.1}
]

Columns = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class _Look:
    """A burst (sub-swath, index in the data take), and the fields (indices) that are seen best there."""

    swath: str
    burst: int
    fields: Ints


def field_columns(
    plan: PairPlan, world: PairWorld, models: tuple[DateModel, DateModel]
) -> tuple[Ints, Columns]:
    """Identifiers and attributes of the fields whose middle is among the valid samples of the reference.

    ``coherence`` is that of the ground. ``coherence_<POL>_expected`` is what exact co-registration, with the
    geometric phase removed, finds in a large window: with the power of noise and rounding, and no higher than
    what the shifted spectra have in common (the mean of nine places of the field). ``neighbour_<POL>_db`` is the
    gamma0 of the brightest field next to it over its own: the side lobes of the image carry the light of bright
    fields into dark ones.
    """
    identifiers = exported_fields(world.fields, _seen_squares(plan, world))
    looks = _looks(plan, world, identifiers)
    kept = np.sort(np.concatenate([look.fields for look in looks]))
    columns = backscatter_columns(world.fields, plan.config.polarizations, identifiers)
    coherence = COHERENCES[coherences_of(world.fields.lattice, identifiers)] * plan.config.is_coherent
    columns["coherence"] = coherence
    columns |= _neighbours(plan, world, identifiers)
    polarizations = plan.config.secondary_polarizations
    expected = np.zeros((len(polarizations), identifiers.size))
    for look in looks if plan.config.is_coherent else []:
        part, pair = look.fields, plan.burst_pair(look.swath, look.burst)
        reached = np.minimum(coherence[part], _spectral_overlap(pair, world, identifiers[part])).mean(axis=0)
        for k, polarization in enumerate(polarizations):
            gamma0 = np.asarray(columns[f"gamma0_{polarization}"], np.float64)[part]
            expected[k, part] = reached * _signal_part(pair, world, models, k, (identifiers[part], gamma0))
    for k, polarization in enumerate(polarizations):
        columns[f"coherence_{polarization}_expected"] = expected[k]
    return identifiers[kept], {name: values[kept] for name, values in columns.items()}


def _seen_squares(plan: PairPlan, world: PairWorld) -> NDArray[np.bool_]:
    """For every square of the lattice whether the reference sees some of it."""
    _, longitude, latitude = world.fields.square_centres()
    points = geodetic_to_ecef(longitude, latitude, plan.config.mean_height)
    seen = np.zeros(longitude.size, np.bool_)
    for swath, k in plan.reference.bursts:
        view = plan.reference.burst(swath, k).view
        line, pixel = view.image_position(points)
        inside = (line > -_REACH_LINES) & (line < view.lines + _REACH_LINES)
        seen |= inside & (pixel > -_REACH_PIXELS) & (pixel < view.pixels + _REACH_PIXELS)
    return seen


def _neighbours(plan: PairPlan, world: PairWorld, identifiers: Ints) -> Columns:
    """Gamma0 of the brightest field next to a field over its own, dB."""
    fields = world.fields
    own = classes_of(fields.lattice, identifiers)
    brightest = fields.gamma0[:, own].copy()
    for u, v in _BESIDE:
        longitude, latitude = fields.places(identifiers, u, v)
        classes = classes_of(fields.lattice, fields_at(fields.lattice, longitude, latitude))
        brightest = np.maximum(brightest, fields.gamma0[:, classes])
    ratio = 10.0 * np.log10(brightest / fields.gamma0[:, own])
    return {f"neighbour_{p}_db": ratio[k] for k, p in enumerate(plan.config.polarizations)}


def _points(
    world: PairWorld,
    identifiers: Ints,
    inside: tuple[float, float] = (0.5, 0.5),
    aside: tuple[float, float] = (0.0, 0.0),
) -> Floats:
    """Points (n, 3) on the terrain in fields.

    Args:
        inside: Place in a field, 0 .. 1 in both directions.
        aside: Metres to the east and north of that.
    """
    longitude, latitude = world.fields.places(identifiers, *inside)
    scale = world.fields.frame.scale
    longitude, latitude = longitude + aside[0] / scale[0], latitude + aside[1] / scale[1]
    return geodetic_to_ecef(longitude, latitude, heights_at(world.heights, longitude, latitude))


def _looks(plan: PairPlan, world: PairWorld, identifiers: Ints) -> list[_Look]:
    """For every burst the fields that it sees nearest to its middle."""
    points = _points(world, identifiers)
    best, owner = np.full(identifiers.size, np.inf), np.full(identifiers.size, -1)
    bursts = plan.reference.bursts
    for number, (swath, k) in enumerate(bursts):
        burst = plan.reference.burst(swath, k).burst
        line, pixel = burst.view.image_position(points)
        away = np.abs(line - 0.5 * burst.view.lines)
        nearer = np.flatnonzero(away < best)
        nearer = nearer[[burst.sees(line[f], pixel[f]) for f in nearer]] if nearer.size else nearer
        best[nearer], owner[nearer] = away[nearer], number
    return [_Look(swath, k, np.flatnonzero(owner == number)) for number, (swath, k) in enumerate(bursts)]


def _spectral_overlap(pair: BurstPair, world: PairWorld, identifiers: Ints) -> Floats:
    """Correlation (9, n) that the spectra of both dates allow in nine places of n fields."""
    return np.stack([_overlap_at(pair, world, identifiers, (u, v)) for u in _THIRDS for v in _THIRDS])


def _overlap_at(pair: BurstPair, world: PairWorld, identifiers: Ints, inside: tuple[float, float]) -> Floats:
    """Correlation (n) by the gradient of the phase over a few metres."""
    here, east, north = (
        _place_and_phase(pair, _points(world, identifiers, inside, aside))
        for aside in ((0.0, 0.0), (_STEP, 0.0), (0.0, _STEP))
    )
    (ya, xa, ca), (yb, xb, cb) = (
        tuple(s - h for s, h in zip(side, here, strict=True)) for side in (east, north)
    )
    turned = ya * xb - yb * xa
    along, across = (ca * xb - cb * xa) / turned, (ya * cb - yb * ca) / turned
    azimuth, range_ = bands_of(pair.reference.image)
    tables = overlap_table(azimuth), compact_overlap_table(range_)
    return np.array(
        [
            overlap_at(tables[0], azimuth.width, float(a)) * overlap_at(tables[1], range_.width, float(r))
            for a, r in zip(along, across, strict=True)
        ]
    )


def _place_and_phase(pair: BurstPair, points: Floats) -> tuple[Floats, Floats, Floats]:
    """Line and pixel in the reference, and phase of the secondary's base band minus the reference's in cycles."""
    own, other = pair.reference, pair.secondary
    seen, seen_there = own.view.look(points), other.view.look(points)
    line, pixel = own.view.place_of(*seen)
    carried = carrier_cycles_at(other.carrier, *other.view.place_of(*seen_there))
    ranges = 2.0 * (seen_there[1] - seen[1]) / WAVELENGTH
    return line, pixel, carried - carrier_cycles_at(own.carrier, line, pixel) - ranges


def _signal_part(
    pair: BurstPair,
    world: PairWorld,
    models: tuple[DateModel, DateModel],
    polarization: int,
    fields: tuple[Ints, Floats],
) -> Floats:
    """Factor that noise leaves of the coherence: root of the shares of signal in the power of both dates.

    Args:
        fields: Identifiers and gamma0.
    """
    identifiers, gamma0 = fields
    points = _points(world, identifiers)
    product = np.ones(identifiers.size)
    for seen, model in zip((pair.reference, pair.secondary), models, strict=True):
        line, pixel = seen.view.image_position(points)
        row, col = seen.first_line + np.round(line).astype(np.int64), np.round(pixel).astype(np.int64)
        gain, noise = strengths(model.radiometry[seen.image][polarization], row, col)
        signal = (gains_at(seen.view, world.heights, points) if world.slopes else gain) * gamma0
        product = product * signal / (signal + noise + ROUNDING_NOISE)
    return np.sqrt(product)

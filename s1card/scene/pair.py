"""Pairs: SLC scenes of two dates that see the same ground from the same orbit."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations

from s1card.errors import SceneError
from s1card.scene.acquisition import (
    POLARIZATIONS,
    Acquisition,
    PlacedBurst,
    adjoining_runs,
    both,
    group_acquisitions,
    id_shifts,
    renumbered,
    without_duplicates,
)
from s1card.scene.scene import Scene
from s1card.scene.time import seconds_since

log = logging.getLogger(__name__)

_DAY = 86_400.0


@dataclass(frozen=True, eq=False)
class BurstPair:
    """One burst of the ground, as the two acquisitions saw it."""

    burst_id: int
    reference: PlacedBurst
    secondary: PlacedBurst


@dataclass(frozen=True, eq=False)
class Pair:
    """Slices of two acquisitions of one track, in order of time; made by `make_pair` and `find_pairs`.

    Bursts of both that see the same ground bear the same id: where the annotation numbers them differently, ids of
    the secondary are changed.

    Attributes:
        reference: Of the later acquisition.
        secondary: Of the earlier one.
    """

    reference: tuple[Scene, ...]
    secondary: tuple[Scene, ...]

    @property
    def temporal_baseline_days(self) -> int:
        """Days from the secondary to the reference."""
        return _days(Acquisition(self.reference), Acquisition(self.secondary))

    @property
    def relative_orbit(self) -> int:
        """The track: where a datatake crosses the ascending node, that of the first slice."""
        return self.reference[0].manifest.relative_orbit

    @property
    def platforms(self) -> tuple[str, str]:
        """Platform of reference and secondary, for example ``("S1D", "S1C")``."""
        return self.reference[0].manifest.platform, self.secondary[0].manifest.platform

    @property
    def swaths(self) -> tuple[str, ...]:
        """Sub-swaths with bursts that both have."""
        return tuple(self.burst_ids)

    @property
    def polarizations(self) -> tuple[str, ...]:
        """Polarizations that all slices have, in the order VV, VH, HH, HV."""
        return _common(Acquisition(self.reference).polarizations, Acquisition(self.secondary).polarizations)

    @property
    def burst_ids(self) -> dict[str, tuple[int, ...]]:
        """Ids of the bursts that both have in order of time, by sub-swath; only sub-swaths with such bursts."""
        return _common_bursts(Acquisition(self.reference), Acquisition(self.secondary))

    def bursts(self, swath: str, polarization: str) -> tuple[BurstPair, ...]:
        """The bursts that both have in order of time, and which image holds them; empty if there are none."""
        reference = Acquisition(self.reference).bursts(swath, polarization)
        secondary = Acquisition(self.secondary).bursts(swath, polarization)
        return tuple(
            BurstPair(burst_id, placed, secondary[burst_id])
            for burst_id, placed in reference.items()
            if burst_id in secondary
        )


def make_pair(scenes: Sequence[Scene]) -> Pair:
    """The pair that scenes of two acquisitions make, in any order; the later date is the reference.

    Args:
        scenes: Opened IW or EW SLC products: for each date one slice, or several that adjoin.

    Raises:
        SceneError: They make none: of one or more than two acquisitions, of different tracks or modes, without phase,
            without a common sub-swath, polarization or burst, or with slices missing or given twice.
    """
    _check_kind(scenes)
    acquisitions = sorted(group_acquisitions(scenes), key=lambda acquisition: acquisition.start)
    _check_two(scenes, acquisitions)
    secondary, reference = acquisitions
    _check_track(reference, secondary)
    for acquisition in acquisitions:
        acquisition.check_slices()
    secondary = _aligned(reference, secondary)
    _check_overlap(reference, secondary)
    return Pair(reference.slices, secondary.slices)


def find_pairs(scenes: Iterable[Scene], days: Collection[int] = (6, 12)) -> list[Pair]:
    """All pairs of given temporal baselines: each scene as reference, with the slices that share its bursts.

    Of a slice that was processed twice, the later product counts. Scenes that are no IW or EW SLC, and those that have
    no polarization in common, are passed over.

    Args:
        scenes: Any scenes, in any order.
        days: Temporal baselines wanted.

    Returns:
        In order of the reference's date, then of the secondary's, the latest first. A scene whose secondary slices
        leave a gap makes two pairs with the same secondary date.
    """
    usable = {scene.name: scene for scene in scenes if _lack(scene) is None}
    acquisitions = [without_duplicates(acquisition) for acquisition in group_acquisitions(usable.values())]
    pairs = [
        pair
        for reference, secondary in permutations(acquisitions, 2)
        if _days(reference, secondary) in days and _is_same_track(reference, secondary)
        for pair in _pairs_of(reference, secondary)
    ]

    def order(pair: Pair) -> tuple[object, ...]:
        start = pair.reference[0].manifest.start_time
        return (
            start,
            pair.temporal_baseline_days,
            pair.secondary[0].manifest.start_time,
            pair.reference[0].name,
        )

    return sorted(pairs, key=order)


def _pairs_of(reference: Acquisition, secondary: Acquisition) -> list[Pair]:
    """A pair for every scene of the reference that shares bursts and polarizations with the secondary."""
    secondary = _aligned(reference, secondary)
    pairs = []
    for scene in reference.slices:
        alone = Acquisition((scene,))
        sharing = [other for other in secondary.slices if _common_bursts(alone, Acquisition((other,)))]
        pairs += [Pair((scene,), run.slices) for run in adjoining_runs(sharing)]
    return [pair for pair in pairs if pair.polarizations]


def _aligned(reference: Acquisition, secondary: Acquisition) -> Acquisition:
    """The secondary with the burst ids that the reference gives to the same ground."""
    shifts = id_shifts(reference, secondary)
    if not shifts:
        return secondary
    changes = ", ".join(f"{swath} {shift:+d}" for swath, shift in shifts.items())
    log.warning(
        "%s number bursts of the same ground differently (%s): the numbers of the former count",
        both(reference.slices[0], secondary.slices[0]),
        changes,
    )
    return renumbered(secondary, shifts)


def _check_kind(scenes: Sequence[Scene]) -> None:
    if len(scenes) < 2:
        subject = scenes[0].name if scenes else ""
        raise SceneError("a pair needs scenes of two dates", subject=subject, advice="Give a second scene")
    for index, scene in enumerate(scenes):
        lack = _lack(scene)
        if lack is not None:
            other = scenes[1] if index == 0 else scenes[0]
            raise SceneError(
                f"the former is {lack}",
                subject=both(scene, other),
                advice="Give single look complex (SLC) products of mode IW or EW",
            )


def _lack(scene: Scene) -> str | None:
    """What a scene is that cannot be one of a pair."""
    kind, mode = scene.manifest.product_type, scene.manifest.mode
    if kind != "SLC":
        return f"a {kind} product, which has no phase"
    if any(image.annotation.tops is None for image in scene.images):
        return f"an SLC product of mode {mode}, which has no bursts"
    return None


def _check_two(scenes: Sequence[Scene], acquisitions: Sequence[Acquisition]) -> None:
    if len(acquisitions) == 1:
        raise SceneError(
            "both are of the same acquisition",
            subject=both(scenes[0], scenes[1]),
            advice="Give scenes of two dates of one track, for example six or twelve days apart",
        )
    if len(acquisitions) > 2:
        names = [acquisition.slices[0].name for acquisition in acquisitions]
        raise SceneError(
            f"these are scenes of {len(acquisitions)} acquisitions",
            subject=f"{', '.join(names[:-1])} and {names[-1]}",
            advice="Give those of two of them",
        )


def _check_track(reference: Acquisition, secondary: Acquisition) -> None:
    first, second = reference.slices[0], secondary.slices[0]
    if first.manifest.mode != second.manifest.mode:
        raise SceneError(
            f"they are of modes {first.manifest.mode} and {second.manifest.mode}",
            subject=both(first, second),
            advice="Give scenes of one mode",
        )
    if not _is_same_track(reference, secondary):
        tracks = f"{first.manifest.relative_orbit} and {second.manifest.relative_orbit}"
        raise SceneError(
            f"they are of relative orbits {tracks}, which see the ground from different places",
            subject=both(first, second),
            advice="Give scenes of one relative orbit",
        )


def _check_overlap(reference: Acquisition, secondary: Acquisition) -> None:
    """Sub-swath, polarization and burst: each needs one at least in common."""
    for what, first, second in (
        ("sub-swath", reference.swaths, secondary.swaths),
        ("polarization", reference.polarizations, secondary.polarizations),
    ):
        if not set(first) & set(second):
            names = (", ".join(side) or "none in all its slices" for side in (first, second))
            raise _nothing_common(reference, secondary, what, " and ".join(names))
    if not _common_bursts(reference, secondary):
        swath = next(swath for swath in reference.swaths if swath in secondary.swaths)
        ids = (list(side.bursts(swath)) for side in (reference, secondary))
        spans = " and ".join(f"{side[0]} to {side[-1]}" for side in ids)
        raise _nothing_common(reference, secondary, "burst", f"{spans} in {swath}")


def _nothing_common(reference: Acquisition, secondary: Acquisition, what: str, present: str) -> SceneError:
    return SceneError(
        f"they have no {what} in common but {present}",
        subject=both(reference.slices[0], secondary.slices[0]),
        advice=f"Give scenes that share a {what}" + ": slices of the same ground" * (what == "burst"),
    )


def _is_same_track(reference: Acquisition, secondary: Acquisition) -> bool:
    """Whether two acquisitions see the ground from the same orbit.

    Slices after the ascending node keep the relative orbit on which their datatake began, which need not be that of
    the other date: common bursts then tell.
    """
    if reference.slices[0].manifest.mode != secondary.slices[0].manifest.mode:
        return False
    is_same = not set(reference.relative_orbits).isdisjoint(secondary.relative_orbits)
    return is_same or bool(_common_bursts(reference, secondary))


def _days(reference: Acquisition, secondary: Acquisition) -> int:
    return round(seconds_since(reference.start, secondary.start) / _DAY)


def _common(first: Collection[str], second: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in POLARIZATIONS if name in first and name in second)


def _common_bursts(reference: Acquisition, secondary: Acquisition) -> dict[str, tuple[int, ...]]:
    """Ids of the bursts that both have in order of time, by sub-swath."""
    common = {}
    for swath in reference.swaths:
        there = secondary.bursts(swath)
        ids = tuple(burst_id for burst_id in reference.bursts(swath) if burst_id in there)
        if ids:
            common[swath] = ids
    return common

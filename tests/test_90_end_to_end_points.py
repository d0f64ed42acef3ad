"""Point targets stand in the card where they stand in truth, every single one, on flat and on steep terrain.

Five scenes cover all pairs of terrain, direction of flight, place in the swath, and orbit. Where a precise orbit is
tested, the annotated one is wrong by metres, so that only the precise one can give the right places.

The recipe resamples by an 11-point sinc. Bilinear resampling, SNAP's default, has an error of its own: where a slope
that faces away from the radar stretches a pixel to 1.4 pixels of the scene, it misplaces single responses by up to
0.08 pixel, whatever the geometry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from end_to_end import band, make_card

from s1card.accuracy import TargetError, measure_targets, summary
from s1card.simulate import GrdConfig, SimulatedScene, simulate_grd

BOUND = 0.05  # of a 10 m pixel
ORBIT_ERROR = (9.0, -4.0, 3.0)  # metres along, right, up


@dataclass(frozen=True)
class Case:
    terrain: str
    ascending: bool
    range_position: float
    precise: bool

    def __str__(self) -> str:
        parts = (
            self.terrain,
            "ascending" if self.ascending else "descending",
            "far" if self.range_position else "near",
            "precise" if self.precise else "annotated",
        )
        return "-".join(parts)


CASES = [
    Case("flat", True, 0.0, False),
    Case("flat", False, 1.0, True),
    Case("steep", True, 1.0, True),
    Case("steep", False, 0.0, True),
    Case("steep", False, 1.0, False),
]


STEEP = CASES[3]
BILINEAR = ("-P", "imgResampling=BILINEAR_INTERPOLATION")
WRONG_ANNOTATION = CASES[1]

Simulate = Callable[[Case], SimulatedScene]


@pytest.fixture(scope="module")
def simulate(tmp_path_factory: pytest.TempPathFactory) -> Simulate:
    """The scene of a case, made once."""

    @cache
    def scene_of(case: Case) -> SimulatedScene:
        config = GrdConfig(
            lines=480,
            pixels=560,
            terrain=case.terrain,
            ascending=case.ascending,
            range_position=case.range_position,
            targets=16,
            annotation_orbit_error=ORBIT_ERROR if case.precise else (0.0, 0.0, 0.0),
        )
        return simulate_grd(config, tmp_path_factory.mktemp(str(case)))

    return scene_of


def errors_of(scene: SimulatedScene, card: Path) -> list[TargetError]:
    """Errors in both polarizations, which have the same targets."""
    table = scene.truth / "targets.csv"
    errors = [error for name in ("VV", "VH") for error in measure_targets(band(card, name), table)]
    assert len(errors) >= 2 * 14  # one or two may stand in what the card does not show
    return errors


def orbit_options(case: Case, scene: SimulatedScene) -> tuple[object, ...]:
    return ("--orbit", scene.orbit if case.precise else "none")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_targets_of_the_recipe(case: Case, simulate: Simulate, tmp_path: Path) -> None:
    scene = simulate(case)
    card = make_card(scene.safe, scene.dem, tmp_path, *orbit_options(case, scene))
    found = summary(error.pixels for error in errors_of(scene, card))
    assert found.worst <= BOUND
    assert found.mean <= BOUND / 3


def test_bilinear_resampling_misplaces_targets_on_slopes(simulate: Simulate, tmp_path: Path) -> None:
    """The bound means something: SNAP's default resampling breaks it."""
    scene = simulate(STEEP)
    card = make_card(scene.safe, scene.dem, tmp_path, *BILINEAR, *orbit_options(STEEP, scene))
    assert summary(error.pixels for error in errors_of(scene, card)).worst > BOUND


def test_the_wrong_orbit_is_seen(simulate: Simulate, tmp_path: Path) -> None:
    """The bound means something: the annotated orbit, 9 m wrong along the track, breaks it for every target."""
    scene = simulate(WRONG_ANNOTATION)
    card = make_card(scene.safe, scene.dem, tmp_path, "--orbit", "none")
    errors = errors_of(scene, card)
    assert min(error.pixels for error in errors) > 10 * BOUND
    assert summary(error.metres for error in errors).mean == pytest.approx(9.0, abs=3.0)

"""Which scenes make a pair: hand-made products on one track, and real annotation."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safe_factory import SafeCase, write_safe
from slc_factory import FIRST_BURST, SlcCase, write_slc

from s1card.errors import SceneError
from s1card.scene import Pair, Scene, find_pairs, make_pair, open_scene

EARLY, LATE, LAST = "2023-10-01", "2023-10-13", "2023-10-25"
ORBIT = {EARLY: 50_572, LATE: 50_747, LAST: 50_922}
"""Absolute orbits of S1A on relative orbit 100."""

Make = Callable[..., Scene]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Opens a hand-made scene; the datatake is that of its date and platform unless told."""
    known: dict[SlcCase, Scene] = {}

    def opened(date: str = LATE, **changes: object) -> Scene:
        platform = str(changes.get("platform", "S1A"))
        day = int(np.datetime64(date, "D").astype(int))
        usual = {
            "date": date,
            "absolute_orbit": ORBIT.get(date, 50_000),
            "datatake_id": day * 10 + ord(platform[2]),
        }
        case = SlcCase(**(usual | changes))
        if case not in known:
            known[case] = open_scene(write_slc(tmp_path_factory.mktemp("scene"), case))
        return known[case]

    return opened


def ids(first: int, count: int) -> tuple[int, ...]:
    """Burst ids counted from the first one of the usual scene."""
    return tuple(range(FIRST_BURST + first, FIRST_BURST + first + count))


def shifted(first: int) -> dict[str, int]:
    """A slice that begins some bursts after the usual one."""
    return {"first_burst": FIRST_BURST + first, "slice_number": 4 + first // 3}


def refusal(*scenes: Scene) -> str:
    """The message of the error, which names the first and last of the scenes once each."""
    with pytest.raises(SceneError) as caught:
        make_pair(scenes)
    assert caught.value.exit_code == 3
    assert caught.value.advice
    for name in {scenes[0].name, scenes[-1].name}:
        assert name in caught.value.subject
    return str(caught.value)


class TestMakePair:
    @pytest.mark.parametrize("turned", [False, True])
    def test_the_later_date_is_the_reference(self, make: Make, turned: bool) -> None:
        scenes = [make(EARLY), make(LATE)]
        pair = make_pair(scenes[::-1] if turned else scenes)
        assert [scene.name for scene in pair.reference] == [make(LATE).name]
        assert [scene.name for scene in pair.secondary] == [make(EARLY).name]
        assert pair.temporal_baseline_days == 12
        assert pair.relative_orbit == 100
        assert pair.platforms == ("S1A", "S1A")
        assert pair.swaths == ("IW1", "IW2")
        assert pair.polarizations == ("VV",)
        assert pair.burst_ids == {"IW1": ids(0, 3), "IW2": ids(0, 3)}

    @pytest.mark.parametrize(
        ("first", "second", "common"),
        [
            (("VV", "VH"), ("VV", "VH"), ("VV", "VH")),
            (("VH", "VV"), ("VV", "VH"), ("VV", "VH")),
            (("VV", "VH"), ("VH",), ("VH",)),
            (("HV", "HH"), ("HH", "HV"), ("HH", "HV")),
            (("HH",), ("HH", "HV"), ("HH",)),
        ],
    )
    def test_polarizations(
        self, make: Make, first: tuple[str, ...], second: tuple[str, ...], common: tuple[str, ...]
    ) -> None:
        pair = make_pair([make(EARLY, polarizations=first), make(polarizations=second)])
        assert pair.polarizations == common

    def test_platforms_are_mixed_and_bursts_out_of_step_by_milliseconds(self, make: Make) -> None:
        scenes = [make("2026-08-01", platform="S1C"), make("2026-08-07", platform="S1D", delay=0.006)]
        pair = make_pair(scenes)
        assert pair.platforms == ("S1D", "S1C")
        assert pair.temporal_baseline_days == 6
        assert pair.burst_ids["IW2"] == ids(0, 3)

    def test_sub_swaths_in_common(self, make: Make) -> None:
        pair = make_pair([make(EARLY, swaths=("IW2", "IW3")), make(swaths=("IW1", "IW2"))])
        assert pair.swaths == ("IW2",)
        assert list(pair.burst_ids) == ["IW2"]

    def test_slices_of_both_sides(self, make: Make) -> None:
        """Secondary slices begin two bursts later than those of the reference."""
        reference = [make(**shifted(0)), make(**shifted(3))]
        secondary = [make(EARLY, **shifted(-1)), make(EARLY, **shifted(2)), make(EARLY, **shifted(5))]
        for scenes in ([*reference, *secondary], [*secondary[::-1], *reference[::-1]]):
            pair = make_pair(scenes)
            assert [scene.name for scene in pair.reference] == [scene.name for scene in reference]
            assert [scene.name for scene in pair.secondary] == [scene.name for scene in secondary]
            assert pair.burst_ids == {"IW1": ids(0, 6), "IW2": ids(0, 6)}

    def test_bursts_tell_where_they_are(self, make: Make) -> None:
        pair = make_pair([make(polarizations=("VV", "VH")), make(EARLY, **shifted(-2), polarizations=("VV", "VH")),
                          make(EARLY, **shifted(1), polarizations=("VV", "VH"))])  # fmt: skip
        found = pair.bursts("IW2", "VH")
        assert tuple(burst.burst_id for burst in found) == ids(0, 3)
        assert [burst.reference.index for burst in found] == [0, 1, 2]
        assert [burst.secondary.index for burst in found] == [2, 0, 1]
        for burst in found:
            for place in (burst.reference, burst.secondary):
                assert (place.image.swath, place.image.polarization) == ("IW2", "VH")
                assert place.burst.burst_id == burst.burst_id
                tops = place.image.annotation.tops
                assert tops is not None
                assert place.burst is tops.bursts[place.index]
        assert found[0].secondary.image is pair.secondary[0].image("VH", "IW2")
        assert found[1].secondary.image is pair.secondary[1].image("VH", "IW2")
        assert pair.bursts("IW3", "VV") == pair.bursts("IW1", "HH") == ()

    def test_slices_may_share_a_burst(self, make: Make) -> None:
        """As S1A of 2018-08-12T22:33:18 and 22:33:43 do in IW2; that of the earlier slice counts."""
        pair = make_pair([make(**shifted(0)), make(**shifted(2)), make(EARLY, bursts=6)])
        assert pair.burst_ids["IW1"] == ids(0, 5)
        assert [burst.reference.index for burst in pair.bursts("IW1", "VV")] == [0, 1, 2, 1, 2]

    def test_extracted_bursts_of_different_sub_swaths(self, make: Make) -> None:
        """Products of single sub-swaths of one datatake go together."""
        pair = make_pair([make(swaths=("IW1",)), make(swaths=("IW2",), **shifted(1)), make(EARLY)])
        assert pair.burst_ids == {"IW1": ids(0, 3), "IW2": ids(1, 2)}

    @pytest.mark.parametrize("has_ids", [False, True])
    def test_datatake_that_crosses_the_node(self, make: Make, has_ids: bool) -> None:
        """Times since the node go on in it; one that begins after the node is of the next relative orbit."""
        start = 2 + int((100 * 5924.571428571 - 2.299849) / 2.758273)
        crossing = [
            make(first_burst=start - 1, has_ids=has_ids),
            make(first_burst=start + 2, has_ids=has_ids, slice_number=5),
        ]
        other = make(EARLY, first_burst=start + 1, has_ids=has_ids, relative_orbit=101)
        tops = other.image("VV", "IW2").annotation.tops
        assert tops is not None
        assert 0 < tops.bursts[0].anx_time < 10
        pair = make_pair([*crossing, other])
        assert pair.relative_orbit == 100
        assert pair.burst_ids["IW2"] == (start + 1, start + 2, start + 3)
        assert [found.reference.index for found in pair.bursts("IW2", "VV")] == [2, 0, 1]

    def test_extended_wide_swath(self, make: Make) -> None:
        usual = {"mode": "EW", "swaths": ("EW1", "EW5"), "has_ids": False, "polarizations": ("HH", "HV")}
        first = FIRST_BURST * 2_758_273 // 3_038_376
        pair = make_pair([make(EARLY, **usual, first_burst=first), make(**usual, first_burst=first + 1)])
        assert pair.burst_ids == dict.fromkeys(("EW1", "EW5"), (first + 1, first + 2))


class TestGroundDecides:
    """The annotated ascending node was seconds off in some products, so that computed ids are those of neighbours."""

    @pytest.mark.parametrize("error", [3.0, -3.0, 0.7])
    def test_wrong_node(self, make: Make, error: float, caplog: pytest.LogCaptureFixture) -> None:
        wrong = make(EARLY, has_ids=False, node_error=error)
        tops = wrong.image("VV", "IW1").annotation.tops
        assert tops is not None
        assert tops.bursts[0].burst_id == FIRST_BURST - np.sign(error)
        with caplog.at_level(logging.WARNING):
            pair = make_pair([wrong, make(LATE)])
        assert pair.burst_ids == {"IW1": ids(0, 3), "IW2": ids(0, 3)}
        assert pair.secondary[0].image("VV", "IW1").annotation.tops.bursts[0].burst_id == FIRST_BURST  # type: ignore[union-attr]
        (message,) = caplog.messages
        assert wrong.name in message
        assert f"IW1 {np.sign(error):+.0f}" in message
        assert ("IW2" in message) == (abs(error) > 2)

    def test_right_node_is_left_alone(self, make: Make, caplog: pytest.LogCaptureFixture) -> None:
        early = make(EARLY, has_ids=False)
        pair = make_pair([early, make(LATE)])
        assert pair.secondary == (early,)
        assert not caplog.records


class TestRefusals:
    def test_too_few(self, make: Make) -> None:
        assert "a pair needs scenes of two dates. Give a second scene" in refusal(make())
        with pytest.raises(SceneError, match="a pair needs scenes of two dates"):
            make_pair([])

    def test_same_acquisition(self, make: Make) -> None:
        for other in (make(), make(**shifted(3)), make(unique="EF01")):
            assert "both are of the same acquisition. Give scenes of two dates" in refusal(make(), other)

    def test_three_acquisitions(self, make: Make) -> None:
        assert "scenes of 3 acquisitions. Give those of two" in refusal(make(EARLY), make(LATE), make(LAST))

    def test_other_track(self, make: Make) -> None:
        other = make(EARLY, relative_orbit=101, first_burst=FIRST_BURST + 2148)
        assert "relative orbits 100 and 101, which see the ground from diff" in refusal(make(), other)

    def test_other_mode(self, make: Make) -> None:
        other = make(EARLY, mode="EW", swaths=("EW1",))
        assert "they are of modes IW and EW. Give scenes of one mode" in refusal(make(), other)

    @pytest.mark.parametrize("is_first", [False, True])
    def test_detected(self, make: Make, tmp_path: Path, is_first: bool) -> None:
        scenes = [open_scene(write_safe(tmp_path, SafeCase())), make(EARLY)]
        message = refusal(*(scenes if is_first else scenes[::-1]))
        assert message.startswith(f"{scenes[0].name} and {scenes[1].name}: the former is a GRD product")
        assert "Give single look complex (SLC) products of mode IW or EW" in message

    def test_stripmap(self, make: Make, tmp_path: Path) -> None:
        safe = write_slc(tmp_path, SlcCase(swaths=("IW1",)))
        for path in [safe / "manifest.safe", *safe.glob("annotation/*.xml")]:
            text = path.read_text().replace("mode>IW", "mode>SM").replace("burstList", "list")
            path.write_text(text)
        assert "the former is an SLC product of mode SM, which has no bursts" in refusal(
            open_scene(safe), make(EARLY)
        )

    def test_no_common_sub_swath(self, make: Make) -> None:
        message = refusal(make(EARLY, swaths=("IW3",)), make())
        assert "no sub-swath in common but IW1, IW2 and IW3. Give scenes that share a sub-swath" in message

    def test_no_common_polarization(self, make: Make) -> None:
        message = refusal(make(EARLY, polarizations=("HH", "HV")), make())
        assert "no polarization in common but VV and HH, HV" in message

    def test_no_polarization_in_all_slices(self, make: Make) -> None:
        slices = [make(polarizations=("VV",)), make(polarizations=("VH",), **shifted(3))]
        assert "no polarization in common but none in all its slices and VV" in refusal(*slices, make(EARLY))

    @pytest.mark.parametrize("first", [-3, 3, 40])
    def test_no_overlap(self, make: Make, first: int) -> None:
        message = refusal(make(), make(EARLY, **shifted(first)))
        spans = f"{FIRST_BURST} to {FIRST_BURST + 2} and {FIRST_BURST + first} to {FIRST_BURST + first + 2} in IW1"
        assert f"no burst in common but {spans}. Give scenes that share a burst: slices of the" in message

    @pytest.mark.parametrize("side", [EARLY, LATE])
    def test_gap_between_slices(self, make: Make, side: str) -> None:
        other = LATE if side == EARLY else EARLY
        slices = [make(side, **shifted(0)), make(side, **shifted(6))]
        for scenes in itertools.permutations([*slices, make(other)]):
            with pytest.raises(SceneError) as caught:
                make_pair(scenes)
            message = str(caught.value)
            assert message.startswith(f"{slices[0].name} and {slices[1].name}: 3 burst(s) of IW1 are missing")
            assert "between these slices 4 and 6 of one acquisition. Give the slices between" in message

    def test_one_burst_missing(self, make: Make) -> None:
        with pytest.raises(SceneError, match=r"1 burst\(s\) of IW1 are missing"):
            make_pair([make(**shifted(0)), make(**shifted(4)), make(EARLY)])

    @pytest.mark.parametrize("bursts", [2, 3])
    def test_slice_given_twice(self, make: Make, bursts: int) -> None:
        """As after a reprocessing, or cut out."""
        old, new = make(), make(unique="EF01", processing_stop="2024-01-01T00:00:00", bursts=bursts)
        for scenes in ([old, new, make(EARLY)], [make(EARLY), new, old]):
            with pytest.raises(SceneError) as caught:
                make_pair(scenes)
            message = str(caught.value)
            assert all(scene.name in caught.value.subject for scene in (old, new))
            assert f"both are the same slice of one acquisition. Give one of them: {new.name} was" in message


class TestFindPairs:
    def test_days(self, make: Make) -> None:
        scenes = [make(date) for date in (LAST, EARLY, LATE)]
        b = make("2023-10-19", platform="S1B")
        assert described(find_pairs(scenes)) == [(LATE, EARLY), (LAST, LATE)]
        assert described(find_pairs([*scenes, b], days=[6])) == [("2023-10-19", LATE), (LAST, "2023-10-19")]
        assert described(find_pairs([*scenes, b])) == [
            (LATE, EARLY), ("2023-10-19", LATE), (LAST, "2023-10-19"), (LAST, LATE),
        ]  # fmt: skip
        assert described(find_pairs(scenes, days=(24,))) == [(LAST, EARLY)]
        assert find_pairs(scenes, days=()) == []

    def test_mixed_platforms(self, make: Make) -> None:
        scenes = [make(f"2026-08-{day:02d}", platform=platform) for day, platform in
                  [(1, "S1C"), (7, "S1D"), (13, "S1C"), (19, "S1D")]]  # fmt: skip
        found = find_pairs(scenes)
        assert [pair.platforms for pair in found] == [
            ("S1D", "S1C"), ("S1C", "S1D"), ("S1C", "S1C"), ("S1D", "S1C"), ("S1D", "S1D"),
        ]  # fmt: skip
        assert [pair.temporal_baseline_days for pair in found] == [6, 6, 12, 6, 12]

    def test_every_slice_gets_the_slices_it_needs(self, make: Make) -> None:
        reference = [make(**shifted(first)) for first in (0, 3, 6)]
        secondary = [make(EARLY, **shifted(first)) for first in (-1, 2, 5)]
        found = find_pairs([*secondary, *reference])
        assert [[scene.name for scene in pair.reference] for pair in found] == [[s.name] for s in reference]
        expected = [secondary[:2], secondary[1:], secondary[2:]]
        assert [[scene.name for scene in pair.secondary] for pair in found] == [
            [scene.name for scene in slices] for slices in expected
        ]
        assert [pair.burst_ids["IW1"] for pair in found] == [ids(0, 3), ids(3, 3), ids(6, 2)]

    def test_a_gap_makes_two_pairs(self, make: Make) -> None:
        secondary = [make(EARLY, **shifted(-1)), make(EARLY, **shifted(5))]
        found = find_pairs([*secondary, make(bursts=9)])
        assert [pair.secondary[0].name for pair in found] == [scene.name for scene in secondary]
        assert [pair.burst_ids["IW1"] for pair in found] == [ids(0, 2), ids(5, 3)]

    def test_of_two_processings_the_later_counts(self, make: Make) -> None:
        old = make(EARLY, unique="0001", processing_stop="2023-10-02T00:00:00")
        new = make(EARLY, unique="0000", processing_stop="2024-10-02T00:00:00")
        for scenes in ([old, new, make()], [make(), new, old]):
            (pair,) = find_pairs(scenes)
            assert [scene.name for scene in pair.secondary] == [new.name]

    def test_of_a_scene_and_a_part_of_it_the_whole_counts(self, make: Make) -> None:
        part = make(EARLY, unique="EF01", bursts=2, processing_stop="2024-01-01T00:00:00")
        (pair,) = find_pairs([part, make(EARLY), make()])
        assert [scene.name for scene in pair.secondary] == [make(EARLY).name]

    def test_scene_listed_twice(self, make: Make) -> None:
        again = open_scene(make(EARLY).path)
        (pair,) = find_pairs([again, make(EARLY), make(), make()])
        assert (len(pair.reference), len(pair.secondary)) == (1, 1)

    def test_polarizations_are_those_of_the_scene_and_its_slices(self, make: Make) -> None:
        """One slice that lacks a polarization costs the others nothing."""
        reference = [make(polarizations=("VV", "VH")), make(polarizations=("VH",), **shifted(3))]
        secondary = make(EARLY, polarizations=("VV",), bursts=6)
        (pair,) = find_pairs([*reference, secondary])
        assert (pair.reference[0].name, pair.polarizations) == (reference[0].name, ("VV",))

    def test_what_makes_no_pair_is_passed_over(self, make: Make, tmp_path: Path) -> None:
        grd = open_scene(write_safe(tmp_path, SafeCase()))
        others = [
            make(EARLY, relative_orbit=101, first_burst=FIRST_BURST + 2148, datatake_id=1),
            make(EARLY, mode="EW", swaths=("EW1",), datatake_id=2),
            make(EARLY, polarizations=("HH",), datatake_id=3),
            make(EARLY, swaths=("IW3",), datatake_id=4),
            make(EARLY, **shifted(3), datatake_id=5),
            grd,
        ]
        assert find_pairs([make(), *others]) == []
        assert find_pairs([]) == []
        assert described(find_pairs([make(), *others, make(EARLY)])) == [(LATE, EARLY)]

    def test_wrong_node(self, make: Make) -> None:
        (pair,) = find_pairs([make(EARLY, has_ids=False, node_error=3.0), make()])
        assert pair.burst_ids == {"IW1": ids(0, 3), "IW2": ids(0, 3)}

    @given(st.permutations(range(6)))
    def test_order_does_not_matter(self, make: Make, order: list[int]) -> None:
        scenes = [make(), make(**shifted(3)), make(EARLY), make(EARLY, **shifted(3)), make(LAST),
                  make("2023-10-19", platform="S1B")]  # fmt: skip
        found = find_pairs([scenes[index] for index in order])
        assert [described([pair])[0] + (len(pair.secondary),) for pair in found] == [
            (LATE, EARLY, 1), (LATE, EARLY, 1), ("2023-10-19", LATE, 1), (LAST, "2023-10-19", 1), (LAST, LATE, 1),
        ]  # fmt: skip
        assert found[0].reference[0].name < found[1].reference[0].name


def described(pairs: list[Pair]) -> list[tuple[str, str]]:
    """Dates of reference and secondary."""
    return [
        (str(pair.reference[0].manifest.start_time)[:10], str(pair.secondary[0].manifest.start_time)[:10])
        for pair in pairs
    ]


@pytest.fixture(scope="module")
def scenes(shared: Path) -> dict[str, Scene]:
    """Real annotation by date."""
    paths = (shared / "data/annotation").glob("*IW_SLC*_[0-9A-F][0-9A-F][0-9A-F][0-9A-F].zip")
    return {path.name[17:25]: open_scene(path) for path in paths}


class TestReal:
    def test_morocco(self, scenes: dict[str, Scene]) -> None:
        (pair,) = find_pairs(scenes.values())
        assert described([pair]) == [("2023-09-16", "2023-09-04")]
        made = make_pair([scenes["20230916"], scenes["20230904"]])
        assert (made.reference, made.secondary) == (pair.reference, pair.secondary)
        assert pair.temporal_baseline_days == 12
        assert (pair.relative_orbit, pair.platforms) == (52, ("S1A", "S1A"))
        assert (pair.swaths, pair.polarizations) == (("IW1", "IW2", "IW3"), ("VV", "VH"))
        assert pair.burst_ids == {
            "IW1": tuple(range(110431, 110440)),
            "IW2": tuple(range(110431, 110440)),
            "IW3": tuple(range(110430, 110439)),
        }
        for swath, burst in itertools.product(pair.swaths, range(9)):
            found = pair.bursts(swath, "VH")[burst]
            assert found.reference.index == found.secondary.index == burst
            # Out of step by the stated few milliseconds.
            assert found.reference.burst.anx_time == pytest.approx(found.secondary.burst.anx_time, abs=0.02)

    def test_other_track(self, scenes: dict[str, Scene]) -> None:
        assert "relative orbits 52 and 71" in refusal(scenes["20230916"], scenes["20200511"])

    def test_simulated(self, shared: Path) -> None:
        scenes = [open_scene(path) for path in (shared / "snap/inputs/slc_pair").glob("*.SAFE.zip")]
        pair = make_pair(scenes)
        assert (pair.platforms, pair.temporal_baseline_days) == (("S1B", "S1A"), 6)
        assert pair.burst_ids == {"IW1": (139881, 139882), "IW2": (139881, 139882)}

"""Slices of one datatake as one scene: hand-made complex ones, real detected ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slc_factory import BURST_LINES, BURST_PIXELS, FIRST_BURST, SlcCase, write_slc

from s1card.errors import SceneError
from s1card.scene import Scene, open_scene
from s1card.scene.joining import SlicePlace
from s1card.scene.records import Annotation
from s1card.scene.slices import assemble_slices
from s1card.window import Window

Make = Callable[..., Scene]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Opens a slice that begins some bursts after the first one."""

    def opened(first: int = 0, **changes: object) -> Scene:
        case = SlcCase(first_burst=FIRST_BURST + first, slice_number=4 + first // 3, **changes)
        return open_scene(write_slc(tmp_path_factory.mktemp("slice"), case))

    return opened


def with_annotation(scene: Scene, change: Callable[[Annotation], Annotation]) -> Scene:
    images = tuple(replace(image, annotation=change(image.annotation)) for image in scene.images)
    return replace(scene, images=images)


def longer_bursts(annotation: Annotation) -> Annotation:
    """Bursts with two lines more."""
    assert annotation.tops is not None
    tops = replace(annotation.tops, lines_per_burst=BURST_LINES + 2)
    return replace(annotation, tops=tops, lines=len(tops.bursts) * tops.lines_per_burst)


class TestComplexSlices:
    def test_bursts_follow_each_other(self, make: Make) -> None:
        joined = assemble_slices([make(0), make(3)])
        for image in joined.scene.images:
            annotation = image.annotation
            assert annotation.tops is not None
            ids = [burst.burst_id for burst in annotation.tops.bursts]
            assert ids == list(range(FIRST_BURST, FIRST_BURST + 6))
            assert annotation.lines == 6 * BURST_LINES
            assert annotation.slice_number is None
            assert len(annotation.tops.fm_rates) == len(annotation.tops.doppler_centroids) == 6
            assert (np.diff(annotation.geolocation_grid.line) > 0).all()
            assert (np.diff(annotation.geolocation_grid.azimuth_time[:, 0]) > np.timedelta64(0)).all()
            assert (np.diff(annotation.state_vectors.time) > np.timedelta64(0)).all()
        assert [place.window.row for place in joined.places["IW1"]] == [0, 3 * BURST_LINES]

    def test_times_and_name_are_those_of_all(self, make: Make) -> None:
        first, second = make(0), make(3)
        scene = assemble_slices([first, second]).scene
        assert scene.manifest.start_time == first.manifest.start_time
        assert scene.manifest.stop_time == second.manifest.stop_time
        assert scene.images[0].annotation.last_line_time == second.images[0].annotation.last_line_time
        begin, end = first.name.split("_"), second.name.split("_")
        assert scene.name == "_".join([*begin[:6], end[6], *begin[7:], "Asm"])
        assert scene.manifest.footprint.covers(second.manifest.footprint)

    def test_a_burst_that_two_slices_have_comes_from_the_earlier_one(self, make: Make) -> None:
        joined = assemble_slices([make(0), make(2)])
        places = joined.places["IW2"]
        assert [place.skipped for place in places] == [0, 1]
        assert list(places[1].pieces(Window(3 * BURST_LINES, 0, 1, 1))) == [
            (Window(3 * BURST_LINES, 0, 1, 1), Window(BURST_LINES, 0, 1, 1))
        ]
        tops = joined.scene.images[0].annotation.tops
        assert tops is not None
        assert [burst.burst_id - FIRST_BURST for burst in tops.bursts] == [0, 1, 2, 3, 4]

    def test_shorter_bursts_are_filled_up(self, make: Make) -> None:
        joined = assemble_slices([make(0), with_annotation(make(3), longer_bursts)])
        first, second = joined.places["IW1"]
        assert first.pitch == second.pitch == BURST_LINES + 2
        whole = Window(0, 0, 6 * (BURST_LINES + 2), BURST_PIXELS)
        assert [part.rows for part, _ in first.pieces(whole)] == [BURST_LINES] * 3
        assert [there.row for _, there in first.pieces(whole)] == [0, BURST_LINES, 2 * BURST_LINES]
        assert list(second.pieces(whole)) == [
            (
                Window(3 * (BURST_LINES + 2), 0, 3 * (BURST_LINES + 2), BURST_PIXELS),
                Window(0, 0, 30, BURST_PIXELS),
            )
        ]

    def test_look_up_tables_go_on(self, make: Make) -> None:
        first, second = make(0), make(3)
        image = assemble_slices([first, second]).scene.images[0]
        lines = [vector.line for vector in image.calibration.vectors]
        own = [[v.line for v in scene.images[0].calibration.vectors] for scene in (first, second)]
        assert lines == sorted(set(lines))
        assert lines[-len(own[1]) :] == [line + 3 * BURST_LINES for line in own[1]]
        assert set(lines) - set(lines[-len(own[1]) :]) <= set(own[0])
        noise = [vector.line for vector in image.noise.range_vectors]
        assert noise == sorted(set(noise))
        blocks = image.noise.azimuth_vectors
        assert all(block.first_line <= block.last_line for block in blocks)
        assert blocks[-1].first_line >= 3 * BURST_LINES


class TestRefusals:
    def message(self, *scenes: Scene) -> str:
        with pytest.raises(SceneError) as caught:
            assemble_slices(scenes)
        assert scenes[0].name in str(caught.value)
        return str(caught.value)

    def test_missing_bursts(self, make: Make) -> None:
        assert "missing" in self.message(make(0), make(4))

    def test_other_datatakes(self, make: Make) -> None:
        assert "different datatakes" in self.message(make(0), make(3, datatake_id=7))

    def test_other_images(self, make: Make) -> None:
        assert "polarizations" in self.message(make(0), make(3, swaths=("IW1",)))

    def test_other_ranges(self, make: Make) -> None:
        later = with_annotation(make(3), lambda a: replace(a, slant_range_time=a.slant_range_time + 1e-7))
        assert "different ranges" in self.message(make(0), later)


SLICES = (
    "S1A_IW_GRDH_1SDV_20150222T170725_20150222T170750_004739_005DD8_CEAB",
    "S1A_IW_GRDH_1SDV_20150222T170750_20150222T170815_004739_005DD8_3768",
)


class TestDetectedSlices:
    @pytest.fixture(scope="class")
    @staticmethod
    def slices(shared: Path) -> list[Scene]:
        return [open_scene(shared / "data/annotation" / f"{name}.zip") for name in SLICES]

    def test_lines_follow_each_other(self, slices: list[Scene]) -> None:
        joined = assemble_slices(slices)
        annotation = joined.scene.images[0].annotation
        assert (annotation.lines, annotation.pixels) == (2 * 16_685, 25_368)
        assert joined.places["IW"][1].window == Window(16_685, 0, 16_685, 25_368)
        times = [record.azimuth_time for record in annotation.coordinate_conversions]
        assert times == sorted(set(times))
        grid = annotation.geolocation_grid
        assert (np.diff(grid.line) > 0).all() and grid.pixel[-1] == 25_367
        assert (np.diff(grid.latitude[:, 0]) > 0).all()  # ascending, without a step back
        step = np.diff(grid.latitude[:, 0]) / np.diff(grid.line)
        assert np.ptp(step) < 0.02 * step.mean()

    def test_a_gap_or_an_overlap(self, slices: list[Scene]) -> None:
        for seconds, what in ((100, "missing"), (-100, "share")):
            later = with_annotation(slices[1], lambda a, s=seconds: _delayed(a, s))  # type: ignore[misc]
            with pytest.raises(SceneError, match=what):
                assemble_slices([slices[0], later])


def _delayed(annotation: Annotation, milliseconds: int) -> Annotation:
    return replace(
        annotation, first_line_time=annotation.first_line_time + np.timedelta64(milliseconds, "ms")
    )


@given(
    st.integers(0, 5), st.integers(0, 3), st.integers(1, 6), st.integers(1, 9), st.integers(0, 3), st.data()
)
def test_pieces_and_lines_agree(
    first: int, skipped: int, blocks: int, lines: int, more: int, data: st.DataObject
) -> None:
    """Every line of a slice is where `line` says, and all of them are in the pieces of the whole."""
    place = SlicePlace(first, skipped, blocks, lines, lines + more, 7)
    rows = data.draw(st.integers(1, 60))
    window = Window(data.draw(st.integers(0, 60)), data.draw(st.integers(0, 6)), rows, 1)
    found = {}
    for part, there in place.pieces(window):
        assert part.shape == there.shape and part.col == there.col
        found |= {part.row + k: there.row + k for k in range(part.rows)}
    expected = {place.line(line): line for line in range(skipped * lines, (skipped + blocks) * lines)}
    assert found == {k: v for k, v in expected.items() if window.row <= k < window.row_end}

"""The picture of a parcel: what is drawn is what was stored."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from store_contract import TIME

from s1card.errors import DataError, ResourceError
from s1card.store.plot import COLOURS, PEER_GREY, draw_series, lines_of, peer_range, write_picture
from s1card.store.schemas import SERIES, SERIES_STATISTICS


def row(band: str, day: float, mean: float | None, **changes: Any) -> dict[str, Any]:
    """A row of a series: quartiles at half and twice the mean."""
    values: dict[str, Any] = dict.fromkeys(SERIES_STATISTICS)
    if mean is not None:
        values |= {"mean": mean, "p25": mean / 2, "p75": mean * 2}
    return {
        "obstime": TIME + timedelta(days=day),
        "band": band,
        **values,
        "reason": None if mean is not None else "no data",
        "card": "bs" if band.endswith("b") else "c6",
        "sensor": "1A",
        "orbit_direction": "ascending",
        "relative_orbit": 88,
        "reference": f"{band[-1]} {day}",
    } | changes


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), SERIES)


def year(factor: float = 1.0) -> pa.Table:
    """Sixty passes over two orbits."""
    rows = []
    for k in range(30):
        for direction, orbit, shift in (("ascending", 88, 0.0), ("descending", 37, 2.5)):
            more = {"orbit_direction": direction, "relative_orbit": orbit}
            rows += [
                row("VVb", 6 * k + shift, 0.1 * factor, **more),
                row("VHb", 6 * k + shift, 0.02 * factor, **more),
                row("VVc", 6 * k + shift, 0.4 * factor, **more),
                row("VHc", 6 * k + shift, 0.3 * factor, **more),
            ]
    return table(*rows)


def panels(figure: Figure) -> tuple[Axes, Axes]:
    upper, lower = figure.axes
    return upper, lower


def texts_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_backscatter_is_drawn_in_decibel_and_coherence_as_it_is() -> None:
    upper, lower = panels(draw_series("007", year()))
    levels = {(line.get_color(), line.get_linestyle()): line.get_ydata() for line in upper.get_lines()}
    assert set(levels) == {(colour, style) for colour in COLOURS.values() for style in ("-", "--")}
    for (colour, _), values in levels.items():
        expected = -10.0 if colour == COLOURS["VV"] else 10 * np.log10(0.02)
        np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert {round(float(line.get_ydata()[0]), 5) for line in lower.get_lines()} == {0.4, 0.3}
    assert lower.get_ylim() == (0, 1)
    assert "dB" in upper.get_ylabel() and lower.get_ylabel() == "coherence"


def test_the_spread_of_pixels_is_shaded() -> None:
    upper, lower = panels(
        draw_series("007", table(*(row(band, d, 0.1) for band in ("VVb", "VVc") for d in (0, 6))))
    )
    heights = [
        path.vertices[:, 1] for each in upper.collections for path in each.get_paths() if len(path.vertices)
    ]
    found = np.concatenate([each[np.isfinite(each)] for each in heights])
    assert found.min() == pytest.approx(10 * np.log10(0.05)) and found.max() == pytest.approx(
        10 * np.log10(0.2)
    )
    heights = [
        path.vertices[:, 1] for each in lower.collections for path in each.get_paths() if len(path.vertices)
    ]
    assert np.nanmax(np.concatenate(heights)) == pytest.approx(0.2)


def test_orbits_are_told_apart() -> None:
    rows = [
        row("VVb", k, 0.1, orbit_direction=direction, relative_orbit=orbit)
        for k, (direction, orbit) in enumerate(
            [("ascending", 15), ("ascending", 88), ("descending", 37), ("descending", 110), (None, None)]
        )
    ]
    figure = draw_series("007", table(*rows))
    looks = [
        (line.get_marker(), line.get_markerfacecolor(), line.get_linestyle())
        for line in panels(figure)[0].get_lines()
    ]
    assert len(set(looks)) == 5
    assert [text for text in texts_of(figure) if "scending" in text or "orbit" in text] == [
        "ascending 15",
        "ascending 88",
        "descending 37",
        "descending 110",
        "orbit not known",
    ]


def test_a_line_does_not_bridge_a_long_gap() -> None:
    days = [0, 6, 12, 60, 66]
    upper, _ = panels(draw_series("007", table(*(row("VVb", day, 0.1) for day in days))))
    assert [len(line.get_xdata()) for line in upper.get_lines()] == [3, 2]


def test_title_and_legend_say_what_is_seen() -> None:
    figure = draw_series("0042/a", year(), [year(0.5)], "1 peer of the same crop")
    upper, _ = panels(figure)
    assert upper.get_title(loc="left") == "Parcel 0042/a"
    assert (
        upper.get_title(loc="right")
        == "2021-03-04 to 2021-08-27   observations: 60 backscatter, 60 coherence"
    )
    assert texts_of(figure)[:2] == ["VV", "VH"]
    assert any(text.startswith("1 peer of the same crop") for text in texts_of(figure))
    assert not any("peer" in text for text in texts_of(draw_series("007", year())))


def test_peers_lie_behind_as_a_range_of_their_means() -> None:
    (line,) = lines_of(table(*(row("VVc", day, 0.4) for day in (0, 6))), "c")
    peers = [lines_of(table(row("VVc", 0, 0.1 * k), row("VHc", 6, 0.9)), "c") for k in range(1, 6)]
    low, high = peer_range(line, peers)
    assert (low[0], high[0]) == (pytest.approx(0.14), pytest.approx(0.46))
    assert np.isnan(low[1]) and np.isnan(high[1])  # no peer has VV there
    few = [[], [], *peers[:2], []]
    assert np.isnan(peer_range(line, few)[0]).all()


def test_peers_of_another_orbit_or_card_do_not_count() -> None:
    (line,) = lines_of(table(row("VVb", 0, 0.1)), "b")
    other = lines_of(table(row("VVb", 0, 0.1, relative_orbit=15)), "b")
    same_day = lines_of(table(row("VVb", 0, 0.1, reference="another slice")), "b")
    assert np.isnan(peer_range(line, [other])[0]).all()
    assert np.isnan(peer_range(line, [same_day])[0]).all()
    assert peer_range(line, [lines_of(table(row("VVb", 0, 1.0)), "b")])[0] == pytest.approx([0.0])


def test_the_band_of_peers_is_drawn_behind() -> None:
    def greys(figure: Figure) -> list[float]:
        grey = tuple(int(PEER_GREY[k : k + 2], 16) / 255 for k in (1, 3, 5))
        return [
            each.get_zorder()
            for axes in panels(figure)
            for each in axes.collections
            if tuple(each.get_facecolor()[0][:3]) == pytest.approx(grey) and each.get_paths()[0].vertices.size
        ]

    figure = draw_series("007", year(), [year(0.5), year(0.7), year(1.4)], "3 peers")
    orders = greys(figure)
    assert len(orders) == 8
    assert max(orders) < min(line.get_zorder() for axes in panels(figure) for line in axes.get_lines())


def test_coherence_over_a_longer_time_is_a_line_of_its_own() -> None:
    rows = [row("VVc", day, 0.4, card="c6" if day % 12 else "c1") for day in range(0, 60, 6)]
    figure = draw_series("007", table(*rows))
    assert sorted(line.get_linestyle() for line in panels(figure)[1].get_lines()) == ["-", ":"]
    assert "pairs over more than 6 days" in texts_of(figure)


def test_rows_without_a_value_are_left_out() -> None:
    rows = [
        row("VVb", 0, 0.1),
        row("VVb", 6, None),
        row("VVb", 12, 0.0),
        row("VVb", 18, -0.01),
        row("VVb", 24, 0.1),
    ]
    upper, lower = panels(draw_series("007", table(*rows)))
    (line,) = upper.get_lines()
    assert line.get_ydata() == pytest.approx([-10, -10])
    assert [text.get_text() for text in lower.texts] == ["no coherence observations"]


@pytest.mark.parametrize("rows", [[], [row("B04", 0, 0.1)], [row("VVb", 0, None)]])
def test_nothing_to_draw_is_said(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(DataError, match="0042"):
        draw_series("0042", table(*rows))


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the settings of the user and the libraries say."""
    import matplotlib

    write_picture(tmp_path / "a.png", draw_series("007", year(), [year(0.5)], "1 peer"))
    monkeypatch.setitem(matplotlib.rcParams, "axes.facecolor", "black")
    monkeypatch.setitem(matplotlib.rcParams, "lines.linewidth", 7.0)
    monkeypatch.setitem(matplotlib.rcParams, "xtick.direction", "in")
    monkeypatch.setitem(matplotlib.rcParams, "savefig.facecolor", "red")
    write_picture(tmp_path / "b.png", draw_series("007", year(), [year(0.5)], "1 peer"))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (1320, 792)
        colours = {tuple(colour[:3]) for _, colour in picture.convert("RGB").getcolors(1 << 24)}
    assert {(0, 0x72, 0xB2), (0xD5, 0x5E, 0), (255, 255, 255)} <= colours


def test_one_observation_is_a_picture_too(tmp_path: Path) -> None:
    write_picture(tmp_path / "one.png", draw_series("007", table(row("VHc", 0, 0.3))))
    assert (tmp_path / "one.png").stat().st_size > 5000


def test_a_picture_that_cannot_be_written_is_named() -> None:
    with pytest.raises(ResourceError, match="/proc"):
        write_picture(Path("/proc/nowhere/a.png"), draw_series("007", year()))


def test_many_years_are_drawn() -> None:
    rows = [row("VVb", day, 0.1) for day in range(0, 3000, 6)]
    figure = draw_series("007", table(*rows))
    _, lower = panels(figure)
    figure.canvas.draw()
    labels = [label.get_text() for label in lower.get_xticklabels() if label.get_text()]
    assert 4 <= len(labels) <= 14
    assert str(datetime(2024, 1, 1).year) in labels

"""A picture of a parcel for an analyst: backscatter and coherence over time, with its peers behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from s1card.errors import DataError, UsageError
from s1card.raster.disk import disk_errors
from s1card.store.export import aside

try:
    import matplotlib.style
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator
except ModuleNotFoundError as missing:
    raise UsageError(
        f"pictures need the package {missing.name}", advice="pip install 's1card[store]'"
    ) from missing

COLOURS = {"VV": "#0072b2", "VH": "#d55e00"}
"""Blue and vermilion of Okabe and Ito's palette, which colour-blind people tell apart."""

GREY, PEER_GREY, DARK = "#6b6b6b", "#e2e2e2", "#333333"
PEER_RANGE = (0.1, 0.9)
"""Quantiles of the peers' means between which the band behind lies."""

FEWEST_PEERS = 3
"""Peers that an observation needs to have for a band to mean something."""

LONGEST_STEP = timedelta(days=30)
"""A line does not bridge a longer time without observations."""

LineStyle = Literal["-", "--", ":"]

LONG_PAIRS = "c1"
"""Card of coherence over more than 6 days."""

_SUFFIXES = {"b": "backscatter", "c": "coherence"}
_SIZE, _DPI = (11.0, 6.6), 120
_FEW_VIEWS = 2  # with more of them everything is drawn finer


@dataclass(frozen=True, order=True)
class Track:
    """What is comparable over time: one polarisation, seen from one orbit.

    Attributes:
        polarisation: ``VV`` or ``VH``.
        direction: ``ascending``, ``descending``, or empty where it is not known.
        orbit: Relative orbit, or 0.
        card: Code of the card: coherence over 6 days and over more are not comparable either.
    """

    polarisation: str
    direction: str
    orbit: int
    card: str

    @property
    def view(self) -> tuple[str, int]:
        """From where the parcel is seen."""
        return self.direction, self.orbit


@dataclass(frozen=True, eq=False)
class Line:
    """A track's observations, in the order of time.

    Attributes:
        track: Of which they are.
        time: ``datetime64[us]``, n.
        reference: Names of the cards, n.
        mean, p25, p75: Backscatter in dB, or coherence; n.
    """

    track: Track
    time: NDArray[np.datetime64]
    reference: NDArray[np.object_]
    mean: NDArray[np.float64]
    p25: NDArray[np.float64]
    p75: NDArray[np.float64]


def draw_series(parcel: str, series: pa.Table, peers: Sequence[pa.Table] = (), peer_text: str = "") -> Figure:
    """Draw the Sentinel-1 observations of a parcel.

    Args:
        parcel: What its owner calls it.
        series: Answer of `s1card.store.base.Store.series`.
        peers: The same of its peers; behind every observation lies the range of their means (`PEER_RANGE`).
        peer_text: What the peers are, for the legend.

    Raises:
        DataError: There is no Sentinel-1 observation with statistics.
    """
    panels = {kind: lines_of(series, suffix) for suffix, kind in _SUFFIXES.items()}
    if not any(panels.values()):
        raise DataError(
            "there is no Sentinel-1 observation with statistics in this time",
            subject=f"parcel {parcel!r}",
            advice="See what there is: s1card store series",
        )
    behind = {kind: [lines_of(peer, suffix) for peer in peers] for suffix, kind in _SUFFIXES.items()}
    views = sorted({line.track.view for lines in panels.values() for line in lines}, key=_view_order)
    with matplotlib.style.context("default"):
        figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
        FigureCanvasAgg(figure)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        for axes, (kind, lines) in zip((upper, lower), panels.items(), strict=True):
            _draw_panel(axes, kind, lines, behind[kind], views)
        _label_time(upper, lower)
        _title(upper, parcel, series, panels)
        _legend(figure, panels, views, peer_text if peers else "")
    return figure


def write_picture(path: Path, figure: Figure) -> None:
    """Write a PNG, in the place of an older one; the same figure gives the same bytes.

    Raises:
        ResourceError: The disk is full or cannot be written.
    """
    with matplotlib.style.context("default"), aside(path) as part, disk_errors(path):
        figure.savefig(part, format="png", metadata={"Software": None})


def lines_of(series: pa.Table, suffix: str) -> list[Line]:
    """Lines of the bands that end in ``suffix``, in dB if that is ``b``; rows without statistics are left out."""
    wanted = [polarisation + suffix for polarisation in COLOURS]
    rows = series.filter(pc.and_(pc.is_in(series["band"], pa.array(wanted)), pc.is_valid(series["mean"])))
    if suffix == "b":  # a logarithm needs something above zero
        rows = rows.filter(pc.greater(rows["mean"], 0))
    tracks = [
        Track(band.removesuffix(suffix), direction or "", orbit or 0, card)
        for band, direction, orbit, card in zip(
            *(rows[name].to_pylist() for name in ("band", "orbit_direction", "relative_orbit", "card")),
            strict=True,
        )
    ]
    convert = _decibel if suffix == "b" else _plain
    time, reference = rows["obstime"].to_numpy(), rows["reference"].to_numpy(zero_copy_only=False)
    values = {name: convert(rows[name].to_numpy()) for name in ("mean", "p25", "p75")}
    found = []
    for track in sorted(set(tracks)):
        places = np.flatnonzero([other == track for other in tracks])
        found.append(
            Line(
                track,
                time[places],
                reference[places],
                *(values[name][places] for name in ("mean", "p25", "p75")),
            )
        )
    return found


def peer_range(
    line: Line, peers: Sequence[Sequence[Line]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Range of the peers' means at each observation of a line; NaN where fewer than `FEWEST_PEERS` have one.

    Args:
        line: n observations of the parcel.
        peers: Lines of each peer.

    Returns:
        Lower and upper quantile, n each.
    """
    table = np.full((len(peers), len(line.time)), np.nan)
    for row, lines in enumerate(peers):
        means = {
            reference: mean
            for other in lines
            if other.track == line.track
            for reference, mean in zip(other.reference, other.mean, strict=True)
        }
        table[row] = [means.get(reference, np.nan) for reference in line.reference]
    bounds = np.full((2, len(line.time)), np.nan)
    enough = np.flatnonzero(np.isfinite(table).sum(axis=0) >= min(FEWEST_PEERS, len(peers)))
    if len(peers) and len(enough):
        bounds[:, enough] = np.nanquantile(table[:, enough], PEER_RANGE, axis=0)
    return bounds[0], bounds[1]


def _decibel(values: NDArray[np.float32]) -> NDArray[np.float64]:
    positive = np.where(values > 0, values, np.nan).astype(np.float64)
    return np.asarray(10 * np.log10(positive))


def _plain(values: NDArray[np.float32]) -> NDArray[np.float64]:
    return values.astype(np.float64)


def _draw_panel(
    axes: Axes,
    kind: str,
    lines: Sequence[Line],
    peers: Sequence[Sequence[Line]],
    views: Sequence[tuple[str, int]],
) -> None:
    is_fine = len(views) > _FEW_VIEWS
    for line in lines:  # all bands behind all lines, of one opaque grey, so that they melt into one
        low, high = peer_range(line, peers)
        for run in _runs(line.time):
            axes.fill_between(line.time[run], low[run], high[run], color=PEER_GREY, linewidth=0, zorder=1)
    for line in lines:
        colour = COLOURS[line.track.polarisation]
        marker, is_full = _marker(line.track.view, views)
        for run in _runs(line.time):
            axes.fill_between(
                line.time[run],
                line.p25[run],
                line.p75[run],
                color=colour,
                alpha=_shade(views),
                linewidth=0,
                zorder=2,
            )
            axes.plot(
                line.time[run],
                line.mean[run],
                color=colour,
                linewidth=0.9 if is_fine else 1.2,
                linestyle=_line_style(line.track),
                marker=marker,
                markersize=3.8 if is_fine else 4.8,
                markerfacecolor=colour if is_full else "white",
                markeredgewidth=0.9,
                zorder=3,
            )
    _dress(axes, kind, bool(lines))


def _runs(time: NDArray[np.datetime64]) -> Iterator[slice]:
    """Pieces of a line between which lies a longer time than `LONGEST_STEP`."""
    breaks = np.flatnonzero(np.diff(time) > np.timedelta64(LONGEST_STEP)) + 1
    for begin, end in zip([0, *breaks], [*breaks, len(time)], strict=True):
        yield slice(begin, end)


def _shade(views: Sequence[tuple[str, int]]) -> float:
    """Opacity of the spread of pixels; several lie on each other."""
    return 0.11 if len(views) > _FEW_VIEWS else 0.18


def _line_style(track: Track) -> LineStyle:
    if track.card == LONG_PAIRS:
        return ":"
    return "--" if track.direction == "descending" else "-"


def _marker(view: tuple[str, int], views: Sequence[tuple[str, int]]) -> tuple[str, bool]:
    """Shape by direction; the orbits of a direction are full, hollow, and of other shapes in turn."""
    alike = [other for other in views if other[0] == view[0]]
    shapes = {"ascending": "^>", "descending": "v<"}.get(view[0], "os")
    place = alike.index(view)
    return shapes[place // 2 % len(shapes)], place % 2 == 0


def _view_order(view: tuple[str, int]) -> tuple[int, int]:
    return ("ascending", "descending", "").index(view[0]), view[1]


def _dress(axes: Axes, kind: str, has_lines: bool) -> None:
    axes.set_ylabel("γ⁰ backscatter (dB)" if kind == "backscatter" else "coherence")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if kind == "coherence":
        axes.set_ylim(0, 1)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    if not has_lines:
        axes.text(
            0.5,
            0.5,
            f"no {kind} observations",
            transform=axes.transAxes,
            ha="center",
            va="center",
            color=GREY,
        )
        if kind == "backscatter":
            axes.set_yticks([])


def _label_time(upper: Axes, lower: Axes) -> None:
    locator = AutoDateLocator(minticks=5, maxticks=12)  # type: ignore[no-untyped-call]
    lower.xaxis.set_major_locator(locator)
    lower.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    upper.tick_params(labelbottom=False)
    lower.margins(x=0.02)


def _title(axes: Axes, parcel: str, series: pa.Table, panels: dict[str, list[Line]]) -> None:
    counts = []
    for kind, lines in panels.items():
        count = len({reference for line in lines for reference in line.reference})
        counts.append(f"{count} {kind}")
    times = [line.time for lines in panels.values() for line in lines]
    first, last = min(time.min() for time in times), max(time.max() for time in times)
    axes.set_title(f"Parcel {parcel}", loc="left", fontsize=13, fontweight="bold")
    text = f"{str(first)[:10]} to {str(last)[:10]}   observations: {', '.join(counts)}"
    axes.set_title(text, loc="right", fontsize=9, color=GREY)


def _legend(
    figure: Figure, panels: dict[str, list[Line]], views: Sequence[tuple[str, int]], peer_text: str
) -> None:
    lines = [line for each in panels.values() for line in each]
    present = {line.track.polarisation for line in lines}
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=colour, linewidth=2.5, label=name)
        for name, colour in COLOURS.items()
        if name in present
    ]
    for view in views:
        marker, is_full = _marker(view, views)
        direction, orbit = view
        handle = Line2D(
            [],
            [],
            color=DARK,
            linewidth=1.1,
            linestyle=_line_style(Track("", direction, orbit, "")),
            marker=marker,
            markersize=5,
            markerfacecolor=DARK if is_full else "white",
            label=f"{direction or 'orbit not known'} {orbit or ''}".strip(),
        )
        handles.append(handle)
    if any(line.track.card == LONG_PAIRS for line in lines):
        handles.append(
            Line2D([], [], color=DARK, linewidth=1.1, linestyle=":", label="pairs over more than 6 days")
        )
    handles.append(Patch(facecolor=COLOURS["VV"], alpha=2 * _shade(views), label="p25 to p75 of the pixels"))
    if peer_text:
        handles.append(Patch(facecolor=PEER_GREY, label=f"{peer_text}: p10 to p90 of the means"))
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(len(handles), 5), frameon=False, fontsize=9
    )

"""A picture of a comparison: both products, their difference, and how it is distributed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.engine.compare.records import BandReport, ProductReport
from s1card.errors import UsageError
from s1card.raster.disk import disk_errors, part_name, publish

try:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
except ModuleNotFoundError as missing:
    raise UsageError(
        f"pictures need the package {missing.name}", advice="pip install 's1card[store]'"
    ) from missing

MOST_BANDS = 6
"""Rows of a picture; further bands are left out."""

_DPI = 100
_WIDTH, _ROW = 16.0, 3.4
_BINS = 121
_GREY, _DIFFERENCE, _NOTHING = "gray", "RdBu_r", "#d9d9d9"


def draw(products: Sequence[ProductReport], path: Path) -> list[str]:
    """Write a PNG with a row per band; returns the names of bands that are not on it.

    Raises:
        ResourceError: The disk is full or cannot be written.
    """
    rows = [(product, band) for product in products for band in product.bands if band.both]
    shown = rows[:MOST_BANDS]
    figure = Figure(figsize=(_WIDTH, _ROW * max(1, len(shown)) + 0.4), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(max(1, len(shown)), 4, squeeze=False, width_ratios=(1, 1, 1, 0.9))
    for axes, (product, band) in zip(grid, shown, strict=False):
        _row(figure, list(axes), product, band)
    part = part_name(path)
    with disk_errors(path):
        figure.savefig(part, format="png", metadata={"Software": None})
        publish(part, path)
    return [product.label(band) for product, band in rows[MOST_BANDS:]]


def _row(figure: Figure, axes: list[Axes], product: ProductReport, band: BandReport) -> None:
    small = band.found.small
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = small[1] / small[0], small[2] / small[0]
        difference = small[4] / small[3]
        if band.scale == "dB":
            factor = 20.0 if band.quantity == "amplitude" else 10.0
            first, second = (factor * np.log10(np.where(v > 0, v, np.nan)) for v in (first, second))
    low, high = _range(np.concatenate([first.ravel(), second.ravel()]))
    for place, values, name, band_name in (
        (axes[0], first, product.first, band.name),
        (axes[1], second, product.second, band.other_name),
    ):
        image = _image(place, values, _GREY, low, high)
        place.set_title(f"{_short(name)}\n{band_name}", fontsize=9)
    _bar(figure, image, axes[:2], band.unit)
    reach = max(abs(v) for v in _range(difference)) or 1e-6
    image = _image(axes[2], difference, _DIFFERENCE, -reach, reach)
    cell = band.found.cell
    axes[2].set_title(
        "second minus first" + (f",\nmeans of {cell} x {cell} pixels" if cell > 1 else ""), fontsize=9
    )
    _bar(figure, image, axes[2:3], band.unit)
    _histogram(axes[3], band)


def _image(axes: Axes, values: NDArray[Any], colours: str, low: float, high: float) -> AxesImage:
    axes.set_facecolor(_NOTHING)
    axes.set_xticks([])
    axes.set_yticks([])
    return axes.imshow(values, cmap=colours, vmin=low, vmax=high, interpolation="nearest")


def _bar(figure: Figure, image: AxesImage, axes: list[Axes], unit: str) -> None:
    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.01, fraction=0.04)
    bar.set_label(unit)
    bar.ax.tick_params(labelsize=8)


def _histogram(axes: Axes, band: BandReport) -> None:
    p = band.percentiles
    reach = 1.5 * max(abs(p[1]), abs(p[99])) or max(band.largest, 1e-6)
    edges = np.linspace(-reach, reach, _BINS + 1)
    share = band.found.counts(edges) / max(band.found.used, 1)
    axes.stairs(share, edges, fill=True, color="#0072b2", alpha=0.8)
    axes.axvline(0.0, color="#333333", linewidth=0.8)
    axes.axvline(band.bias, color="#d55e00", linewidth=1.2, label=f"bias {band.bias:+.3g}")
    axes.set_xlim(-reach, reach)
    axes.set_xlabel(f"difference, {band.unit}" if band.unit else "difference", fontsize=9)
    axes.set_ylabel("share of pixels", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.ticklabel_format(axis="x", scilimits=(-3, 4))
    text = f"RMSE {band.rmse:.3g}\nmedian abs. {band.median_absolute:.3g}\nmask {100 * band.mask_agreement:.3f} %"
    if band.shift is not None:
        text += f"\nshift {band.shift.rows:+.3f}, {band.shift.cols:+.3f} px"
    axes.text(0.02, 0.98, text, transform=axes.transAxes, va="top", fontsize=8)
    axes.legend(fontsize=8, loc="upper right", frameon=False)


def _range(values: NDArray[Any]) -> tuple[float, float]:
    """Where all but a fiftieth of the values at either end lie."""
    good = values[np.isfinite(values)]
    if not good.size:
        return 0.0, 1.0
    low, high = np.percentile(good, (2, 98))
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(low) + 0.5)


def _short(name: str) -> str:
    return name if len(name) <= 44 else f"{name[:20]}...{name[-21:]}"

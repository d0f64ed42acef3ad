"""Comparisons as tables for people and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from s1card.engine.compare.records import BandReport, ProductReport

HEAD = (
    "band",
    "unit",
    "pixels",
    "mask agreement",
    "bias",
    "RMSE",
    "median abs.",
    "5 % .. 95 %",
    "relative",
    "shift down, right (px)",
)


def print_tables(products: Sequence[ProductReport], console: Console) -> None:
    """A table per pair of products, with remarks below."""
    for product in products:
        console.print(_title(product), markup=False, style="bold")
        table = Table(box=None, header_style="bold", pad_edge=False)
        for position, title in enumerate(HEAD):
            table.add_column(title, justify="left" if position < 2 else "right", overflow="fold")
        for band in product.bands:
            table.add_row(*(cell.replace("[", r"\[") for cell in _row(band)))
        console.print(table)
        for remark in remarks(product):
            console.print(remark, markup=False, highlight=False, soft_wrap=True)


def markdown(products: Sequence[ProductReport]) -> str:
    """The same as Markdown."""
    lines = []
    for product in products:
        lines += [f"### {_title(product)}", "", f"| {' | '.join(HEAD)} |"]
        lines.append("|---|---|" + "---:|" * (len(HEAD) - 2))
        lines += [f"| {' | '.join(_row(band))} |" for band in product.bands]
        lines += ["", *(f"- {remark}" for remark in remarks(product)), ""]
    return "\n".join(lines)


def remarks(product: ProductReport) -> list[str]:
    """What the table does not show."""
    told = []
    for band in product.bands:
        told += [f"{band.name}: {text}" for text in _band_remarks(band)]
    told += [f"{name}: in the first only" for name in product.only_first]
    return told + [f"{name}: in the second only" for name in product.only_second]


def _band_remarks(band: BandReport) -> list[str]:
    told = []
    if not band.same_grid:
        sizes = (
            f"{band.shape[0]} x {band.shape[1]} against {band.other_shape[0]} x {band.other_shape[1]} pixels"
        )
        where = f"the second begins {band.offset[0]:+d} rows and {band.offset[1]:+d} columns away"
        if not band.on_map:
            where = "their upper left corners were laid on each other"
        told.append(f"{sizes}; {where}; compared where they overlap")
    if band.only_first or band.only_second:
        told.append(
            f"{band.only_first} pixels are valid in the first only, {band.only_second} in the second only"
        )
    if band.not_positive:
        told.append(f"{band.not_positive} pixels are not positive and have no decibels")
    if band.has_texture and band.shift is None and band.both:
        told.append("no shift can be seen")
    if not band.both:
        told.append("no pixel is valid in both")
    return told


def _title(product: ProductReport) -> str:
    return f"{product.name}: {product.second} minus {product.first}".removeprefix(": ")


def _row(band: BandReport) -> list[str]:
    p = band.percentiles
    same = band.name == band.other_name
    return [
        band.name if same else f"{band.name} / {band.other_name}",
        band.unit or "-",
        f"{band.both:,}",
        f"{100 * band.mask_agreement:.3f} %",
        _signed(band.bias),
        _number(band.rmse),
        _number(band.median_absolute),
        f"{_signed(p[5])} .. {_signed(p[95])}",
        f"{100 * band.relative_bias:+.3f} %" if math.isfinite(band.relative_bias) else "-",
        _shift(band),
    ]


def _shift(band: BandReport) -> str:
    if band.shift is None:
        return "-"
    s = band.shift
    return f"{_clean(s.rows)}, {_clean(s.cols)} ± {max(s.spread_rows, s.spread_cols):.3f}"


def _clean(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}"


def _signed(value: float) -> str:
    return "-" if math.isnan(value) else "0" if value == 0 else f"{value:+.3g}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"

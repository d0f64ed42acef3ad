"""A parcel's series as machines want it: lists by column, as the REST service of the JRC system answers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

ORIGINAL_COLUMNS = ("band", "count", "mean", "std", "min", "p25", "p50", "p75", "max", "hist")
"""What follows ``date_part`` in the original's answers, in its order; all others come after them."""

Columns = Mapping[str, Sequence[Any]]


def columns_of(table: pa.Table) -> Columns:
    """Lists by column: ``date_part`` (seconds since 1970, UTC), the original's columns, ``obstime`` (ISO), the others.

    Values are JSON's: NULL is None, a class histogram is a mapping, and float32 has no more digits than it knows.

    Args:
        table: Answer of ``series`` or ``histograms`` of a store.
    """
    times: list[datetime] = [time.replace(tzinfo=UTC) for time in table["obstime"].to_pylist()]
    others = [name for name in table.column_names if name not in ("obstime", *ORIGINAL_COLUMNS)]
    columns: dict[str, Sequence[Any]] = {"date_part": [_number(time.timestamp()) for time in times]}
    columns |= {name: _values(table[name]) for name in ORIGINAL_COLUMNS if name in table.column_names}
    if "hist" in columns:
        columns["hist"] = [json.loads(text) for text in columns["hist"]]
    columns["obstime"] = [time.isoformat().replace("+00:00", "Z") for time in times]
    columns |= {name: _values(table[name]) for name in others}
    return columns


def as_csv(columns: Columns) -> str:
    """A line of names and a line for each row; None is empty, a mapping is JSON."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(map(_cell, values) for values in columns.values()), strict=True))
    return text.getvalue()


def _values(column: pa.ChunkedArray) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if pa.types.is_float32(column.type):
        return [None if value is None else _number(float(str(np.float32(value)))) for value in values]
    return values


def _number(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict) else value

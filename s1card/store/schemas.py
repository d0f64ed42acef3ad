"""Columns and types of the tables that every store answers with."""

from __future__ import annotations

import pyarrow as pa

from s1card.store.rows import VALUE_COLUMNS

TIME = pa.timestamp("us")

CATALOGUE = pa.schema(
    [
        ("id", pa.int64()),
        ("obstime", TIME),
        ("reference", pa.string()),
        ("sensor", pa.string()),
        ("card", pa.string()),
        ("status", pa.string()),
        ("footprint", pa.binary()),
        ("orbit_direction", pa.string()),
        ("relative_orbit", pa.int32()),
        ("pair_sensor", pa.string()),
        ("pair_time", TIME),
        ("source", pa.string()),
        ("checksum", pa.string()),
    ]
)
"""Answer of ``observations``."""

SERIES_STATISTICS = (
    "count",
    "mean",
    "std",
    "min",
    "p25",
    "p50",
    "p75",
    "max",
    "valid",
    "mean_db",
    "enl",
    "inc",
)
"""Statistics of a series, in the order of the original's replies."""

SERIES = pa.schema(
    [
        ("obstime", TIME),
        ("band", pa.string()),
        *((name, pa.float32()) for name in SERIES_STATISTICS),
        ("reason", pa.string()),
        ("card", pa.string()),
        ("sensor", pa.string()),
        ("orbit_direction", pa.string()),
        ("relative_orbit", pa.int32()),
        ("reference", pa.string()),
    ]
)
"""Answer of ``series``; ``reason`` is NULL where there are statistics."""

HISTOGRAMS = pa.schema(
    [("obstime", TIME), ("hist", pa.string()), ("sensor", pa.string()), ("reference", pa.string())]
)
"""Answer of ``histograms``."""

LATEST = pa.schema(
    [
        ("pid", pa.int32()),
        ("band", pa.string()),
        ("obstime", TIME),
        *((name, pa.float32()) for name in VALUE_COLUMNS),
    ]
)
"""Answer of ``latest``."""

EXPORT = pa.schema(
    [
        ("pid", pa.int32()),
        ("obsid", pa.int64()),
        ("band", pa.string()),
        ("obstime", TIME),
        ("reference", pa.string()),
        *((name, pa.float32()) for name in VALUE_COLUMNS),
        ("reason", pa.string()),
    ]
)
"""Batches of ``export_rows``."""

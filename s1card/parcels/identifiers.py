"""Which column holds the ids of parcels, and whether they are good enough to tell parcels apart."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.errors import DataError, UsageError
from s1card.parcels.columns import id_texts
from s1card.parcels.features import Features

GUESSES = (
    "id",
    "parcel_id",
    "parcelid",
    "pid",
    "parcel",
    "localid",
    "local_id",
    "inspire_id",
    "inspireid",
    "gml_id",
    "ogc_fid",
    "objectid",
    "gid",
    "fid",
)
"""Names of columns (capitals do not matter) that are taken for ids if none is named, the first that exists."""

FEATURE_NUMBER = "fid"
"""Name that asks for the source's own number of a feature where no column is called so."""

_SHOWN = 5


def choose_id_column(features: Features, wanted: str | None, subject: str) -> tuple[str, NDArray[Any]]:
    """Name and values of the column that holds the ids.

    Args:
        features: What the source holds.
        wanted: Name of a column, ``fid`` for the number of the feature; None to guess, see `GUESSES`.
        subject: Name of the source, for messages.

    Raises:
        UsageError: There is no such column, or none that can be guessed.
    """
    columns = dict(features.columns)
    if features.feature_ids is not None and features.feature_id_column:
        columns.setdefault(features.feature_id_column, features.feature_ids)
    name = _named(list(columns), wanted) if wanted else _guessed(list(columns))
    if name is not None:
        return name, columns[name]
    if wanted and wanted.lower() == FEATURE_NUMBER and features.feature_ids is not None:
        return FEATURE_NUMBER, features.feature_ids
    message = f"there is no column {wanted}" if wanted else "no column has a name that is usual for ids"
    number = (
        f", or {FEATURE_NUMBER} for the number of the feature" if features.feature_ids is not None else ""
    )
    raise UsageError(
        f"{message}; the columns are {', '.join(columns) or 'none'}",
        subject=subject,
        advice=f"Name the column of parcel ids with --id{number}",
    )


def distinct_ids(
    values: NDArray[Any], used: NDArray[np.bool_], column: str, subject: str
) -> NDArray[np.object_]:
    """Ids of all features as text (None where there is none); those that are used have one, and no two the same.

    Args:
        values: n values of the id column.
        used: n, which features become parcels.
        column, subject: Names of column and source, for messages.

    Raises:
        DataError: A parcel has no id, or two have the same.
    """
    ids = id_texts(values, column)
    advice = "Name a column with --id that is different for every parcel"
    without = np.flatnonzero(used & np.array([text is None for text in ids], dtype=bool))
    if len(without):
        shown = ", ".join(str(k + 1) for k in without[:_SHOWN])
        raise DataError(
            f"{len(without)} parcels have no id in column {column}: features {shown}{_more(len(without))}",
            subject=subject,
            advice=advice,
        )
    wanted = ids[used]
    if len(set(wanted)) < len(wanted):
        repeated = [(text, count) for text, count in Counter(wanted).items() if count > 1]
        shown = ", ".join(f"{text} ({count} times)" for text, count in repeated[:_SHOWN])
        raise DataError(
            f"{len(repeated)} ids in column {column} belong to several parcels: {shown}{_more(len(repeated))}; "
            "a store could not tell these apart",
            subject=subject,
            advice=advice,
        )
    return ids


def _named(columns: list[str], wanted: str) -> str | None:
    if wanted in columns:
        return wanted
    alike = [name for name in columns if name.lower() == wanted.lower()]
    return alike[0] if len(alike) == 1 else None


def _guessed(columns: list[str]) -> str | None:
    return next((name for guess in GUESSES for name in columns if name.lower() == guess), None)


def _more(count: int) -> str:
    return f" and {count - _SHOWN} more" if count > _SHOWN else ""

"""Columns of parcels: ids as exact text, attributes in few NumPy types."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.errors import DataError

_LARGEST_EXACT = 2.0**53
"""Beyond this, a floating-point number no longer tells one integer from the next."""

_NUMBERS = (bool, int, float, Decimal)


def id_texts(values: NDArray[Any], column: str) -> NDArray[np.object_]:
    """Ids as text: exactly as they are, None where there is none (null or empty text).

    Integers keep all digits; numbers that are whole are written without a point, whatever their type.

    Args:
        values: n numbers, or objects (text, numbers, ``uuid.UUID``, None ...).
        column: Name of the column, for messages.

    Raises:
        DataError: Floating-point numbers that are too large to be exact.
    """
    if values.dtype.kind == "f":
        finite = values[np.isfinite(values)]
        if finite.size and np.abs(finite).max() > _LARGEST_EXACT:
            raise DataError(
                f"the column holds floating-point numbers such as {finite[np.abs(finite).argmax()]:.17g}, "
                "which are too large to be exact ids",
                subject=column,
                advice="Name another column with --id, or store this one as text or integers",
            )
    if values.dtype.kind in "iu":
        return np.asarray(values.astype(np.str_).astype(object))
    if values.dtype.kind == "M":
        return np.array([None if np.isnat(value) else str(value) for value in values], dtype=object)
    return np.array([_id_text(value) for value in values.tolist()], dtype=object)


def _id_text(value: Any) -> str | None:
    if value is None or value == "" or value != value:
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, Decimal):
        return format(value.to_integral_value() if value == value.to_integral_value() else value, "f")
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def attribute(values: NDArray[Any]) -> NDArray[Any]:
    """A column as an attribute of parcels.

    Numbers, booleans and times stay; objects that are all numbers become float64 with NaN for null (booleans with
    nulls too); everything else becomes text or None: lists and mappings as JSON, bytes as hexadecimal digits.

    Returns:
        An array of numbers, booleans, ``datetime64``, or of objects that are text or None.
    """
    if values.dtype.kind in "biufM":
        return values
    items = values.tolist()
    present = [item for item in items if item is not None]
    if present and all(isinstance(item, _NUMBERS) for item in present):
        return np.array([np.nan if item is None else float(item) for item in items])
    known: dict[Any, str | None] = {}
    texts = np.empty(len(items), dtype=object)
    for k, item in enumerate(items):
        if isinstance(item, str):  # few values that repeat: one object for each
            texts[k] = known.setdefault(item, item)
        else:
            texts[k] = _text(item)
    return texts


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex() or None
    if isinstance(value, np.ndarray | Sequence | dict):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return str(value)


def _plain(value: Any) -> Any:
    """What JSON can hold instead of a value that it cannot."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, date | datetime | time | timedelta | uuid.UUID | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")

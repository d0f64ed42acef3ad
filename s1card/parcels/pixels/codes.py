"""Codes of bands and cards, as the original's tables have them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from s1card.errors import DataError, UsageError

POLARIZATIONS = ("VV", "VH", "HH", "HV")

CARDS = ("bs", "c6", "c1", "s2")

SENTINEL2_BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12", "SCL")

CLASSES = "SCL"
"""Sentinel-2's scene classification."""

_ORDER = (
    "Look at a bright, stable target (VV is above VH there) and give the bands in the order of the file, for example "
    "VV,VH"
)

_SUFFIX = {"bs": "b", "c6": "c", "c1": "c"}


def polarization_code(polarization: str, card: str) -> str:
    """Code of a polarization in a kind of card: ``VVb`` in backscatter, ``VVc`` in coherence."""
    return polarization + _SUFFIX.get(card, "")


def polarization_in(text: str) -> str:
    """The one polarization that the name of a band or file holds as a word of its own, else ""."""
    found = {word for word in re.split(r"[^A-Za-z0-9]+", text.upper()) if word in POLARIZATIONS}
    return found.pop() if len(found) == 1 else ""


def sentinel2_code(text: str) -> str:
    """The Sentinel-2 band that the name of a band or file holds as a word of its own (``B4`` is ``B04``), else ""."""
    words = (re.sub(r"^B(\d)$", r"B0\1", word) for word in re.split(r"[^A-Za-z0-9]+", text.upper()))
    found = {word for word in words if word in SENTINEL2_BANDS}
    return found.pop() if len(found) == 1 else ""


def coherence_card(later: datetime, earlier: datetime) -> str:
    """Card code of a pair: ``c6`` for six days, ``c1`` for any other span."""
    return "c6" if round((later - earlier).total_seconds() / 86400) == 6 else "c1"


def wanted(asked: Sequence[str], present: Sequence[str], card: str, subject: str) -> list[str]:
    """Which polarizations are meant by names or codes (``VV``, ``VVb``); all that are present where none is asked for.

    Raises:
        DataError: One is not there.
    """
    names = {name: name for name in present} | {polarization_code(name, card): name for name in present}
    missing = [name for name in asked if name not in names]
    if missing:
        raise DataError(
            f"there is no band {', '.join(missing)}; it has {', '.join(present)}",
            subject=subject,
            advice="Ask for bands that it has",
        )
    return list(dict.fromkeys(names[name] for name in asked)) if asked else list(present)


def named_bands(stated: Sequence[str], asked: Sequence[str], subject: str) -> list[tuple[int, str]]:
    """Which bands of a file (from 1) are meant, with their names.

    Args:
        stated: What the file calls its bands, "" where it does not.
        asked: Names that the user gives: which bands are wanted where the file names them, else what they are.
        subject: The file, for messages.

    Raises:
        DataError: File and user contradict each other.
        UsageError: Neither says what the bands are.
    """
    is_named = all(stated) and len(set(stated)) == len(stated)
    if is_named:
        missing = [name for name in asked if name not in stated]
        if missing:
            raise DataError(
                f"there is no band {', '.join(missing)}; the file calls its bands {', '.join(stated)}",
                subject=subject,
                advice="Ask for bands that it has",
            )
        return [(stated.index(name) + 1, name) for name in dict.fromkeys(asked or stated)]
    if len(asked) != len(stated) or len(set(asked)) != len(asked):
        raise UsageError(
            f"the file does not name its {len(stated)} band{'s' if len(stated) > 1 else ''}"
            + (f", and {', '.join(asked)} is not one name for each" if asked else ""),
            subject=subject,
            advice=_ORDER,
        )
    for index, (file, user) in enumerate(zip(stated, asked, strict=True), 1):
        if file not in ("", user):
            raise DataError(
                f"the file calls its band {index} {file}, not {user}", subject=subject, advice=_ORDER
            )
    return list(enumerate(asked, 1))

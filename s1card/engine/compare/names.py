"""Bands by what they hold: SNAP's names, those of old versions, and those of cards mean the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

Scale = Literal["dB", "linear", "phase"]
Key = TypeVar("Key")

POWERS = frozenset({"gamma0", "sigma0", "beta0", "intensity"})
TEXTURED = POWERS | {"amplitude", "coherence", ""}
"""Quantities with enough texture for a shift to be seen in them."""

_QUANTITIES = (
    ("gamma0", r"gamma0|gamma_?nought"),
    ("sigma0", r"sigma0|sigma_?nought"),
    ("beta0", r"beta0|beta_?nought"),
    ("intensity", r"intensity"),
    ("amplitude", r"amplitude"),
    ("coherence", r"coh|coherence"),
    ("phase", r"phase"),
    ("real part", r"i"),
    ("imaginary part", r"q"),
    ("projected local incidence angle", r"projectedlocalincidenceangle"),
    ("local incidence angle", r"localincidenceangle|lia"),
    ("incidence angle", r"incidenceanglefromellipsoid|ellipsoidincidenceangle|incidenceangle|inc"),
    ("height", r"elevation|dem"),
    ("mask", r"layover_shadow_mask|mask"),
    ("latitude", r"latitude|lat"),
    ("longitude", r"longitude|lon"),
)
_PATTERNS = tuple(
    (name, re.compile(rf"(?:{pattern})(?![a-z])", re.IGNORECASE)) for name, pattern in _QUANTITIES
)
_POLARIZATION = re.compile(r"(?<![A-Za-z0-9])(VV|VH|HH|HV)(?![A-Za-z0-9])", re.IGNORECASE)
_DECIBELS = re.compile(r"_dB$", re.IGNORECASE)
_UNIT_QUANTITY = {
    "coherence": "coherence",
    "phase": "phase",
    "amplitude": "amplitude",
    "intensity": "intensity",
}


@dataclass(frozen=True)
class Meaning:
    """What a band holds.

    Attributes:
        quantity: ``gamma0``, ``coherence``, ``height``, ...; "" if neither name nor unit tell.
        polarization: ``VV``, ...; "" if it has none.
        in_decibels: Whether its samples are decibels.
    """

    quantity: str
    polarization: str
    in_decibels: bool


def meaning_of(name: str, unit: str = "", product: str = "") -> Meaning:
    """What a band of that name holds.

    Args:
        name: Name of the band, in whatever style.
        unit: Its unit, asked where the name does not tell.
        product: Name of its file or product, asked last: cards state their kind there.
    """
    in_decibels = bool(_DECIBELS.search(name)) or unit.lower().endswith("db")
    polarization = _POLARIZATION.search(name)
    stem = _DECIBELS.sub("", name)
    quantity = next((known for known, pattern in _PATTERNS if pattern.match(stem)), "")
    if not quantity:
        quantity = _UNIT_QUANTITY.get(unit.lower().removesuffix("_db"), "")
    if quantity in ("", "intensity") and "CARD_BS" in product:
        quantity = "gamma0"
    if not quantity and "CARD_COH" in product:
        quantity = "coherence"
    return Meaning(quantity, polarization[1].upper() if polarization else "", in_decibels)


def scale_of(meaning: Meaning) -> tuple[Scale, float]:
    """How a difference is stated, and decibels per tenfold sample: powers in dB, all else as it is.

    A band of unknown quantity with a polarization counts as power, as in cards.
    """
    if meaning.in_decibels:
        return "linear", 0.0
    if meaning.quantity == "phase":
        return "phase", 0.0
    if meaning.quantity == "amplitude":
        return "dB", 20.0
    if meaning.quantity in POWERS or (not meaning.quantity and meaning.polarization):
        return "dB", 10.0
    return "linear", 0.0


def match(
    first: Sequence[tuple[str, Meaning]], second: Sequence[tuple[str, Meaning]]
) -> list[tuple[int, int]]:
    """Positions of bands that belong together: by name, else by meaning, else by polarization alone.

    A meaning that two bands of the same side share matches nothing.
    """
    pairs: list[tuple[int, int]] = []
    _pair(pairs, [name.lower() for name, _ in first], [name.lower() for name, _ in second])
    _pair(pairs, [m if _tells(m) else None for _, m in first], [m if _tells(m) else None for _, m in second])
    for unknown in (first, second):
        if any(not m.quantity for _, m in unknown):
            _pair(pairs, [_by_polarization(m) for _, m in first], [_by_polarization(m) for _, m in second])
            break
    return sorted(pairs)


def _tells(meaning: Meaning) -> bool:
    return bool(meaning.quantity)


def _by_polarization(meaning: Meaning) -> tuple[str, bool] | None:
    """The polarization of a band whose quantity may be unknown; None where it has none or is another thing."""
    known = meaning.quantity in TEXTURED
    return (meaning.polarization, meaning.in_decibels) if meaning.polarization and known else None


def _pair(pairs: list[tuple[int, int]], first: Sequence[Key | None], second: Sequence[Key | None]) -> None:
    """Add pairs of equal keys that are unique among what is not paired yet."""
    left = _free(first, [a for a, _ in pairs])
    right = _free(second, [b for _, b in pairs])
    pairs += [(left[key], right[key]) for key in left if key in right]


def _free(keys: Sequence[Key | None], taken: Iterable[int]) -> dict[Key, int]:
    done = set(taken)
    free = [(key, at) for at, key in enumerate(keys) if key is not None and at not in done]
    count = Counter(key for key, _ in free)
    return {key: at for key, at in free if count[key] == 1}

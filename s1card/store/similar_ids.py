"""What somebody may have meant by an id that no parcel has."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import takewhile

SHOWN = 3


def similar_ids(wanted: str, ids: Iterable[str]) -> list[str]:
    """At most `SHOWN` ids that look like ``wanted``, the best first; none if nothing does.

    Ids that differ in capitals, blanks, or zeros at the beginning come first, then those that begin alike.
    """
    ordered = sorted(ids)
    core = _core(wanted)
    equal = [each for each in ordered if _core(each) == core]
    place = bisect_left(ordered, wanted)
    neighbours = ordered[max(place - SHOWN, 0) : place + SHOWN]
    least = max(2, (2 * len(wanted) + 2) // 3)
    alike = [each for each in neighbours if _begin(wanted, each) >= least]
    alike.sort(key=lambda each: (-_begin(wanted, each), abs(len(each) - len(wanted)), each))
    return list(dict.fromkeys(equal + alike))[:SHOWN]


def _core(text: str) -> str:
    return "".join(text.split()).lower().lstrip("0")


def _begin(one: str, other: str) -> int:
    """Characters at the beginning that two texts share."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

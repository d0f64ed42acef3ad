"""How Resample says in which pixels it wants the bands."""

from __future__ import annotations

from collections.abc import Mapping

from s1card.graph.values import Value


def size_problem(values: Mapping[str, Value]) -> str:
    """What is wrong with the parameters of a Resample node that state the size, "" if nothing is.

    It is stated in exactly one of three ways: ``referenceBand``, ``targetResolution``, or ``targetWidth`` together
    with ``targetHeight``.
    """
    width, height = values["targetWidth"] is not None, values["targetHeight"] is not None
    if width != height:
        return "Resample needs targetWidth and targetHeight together"
    ways = (bool(values["referenceBand"]), values["targetResolution"] is not None, width)
    if sum(ways) != 1:
        count = "more than one of" if any(ways) else "none of"
        return f"Resample states {count} referenceBand, targetResolution, and targetWidth with targetHeight"
    return ""

"""Times: exact ``datetime64[us]`` on the outside, float64 seconds since an epoch inside computations."""

from __future__ import annotations

from typing import overload

import numpy as np

from s1card.scene.records import Floats, Times

_MICROSECOND_DIGITS = len("2021-06-12T05:26:22.401372")


def parse_time(text: str) -> np.datetime64:
    """A UTC time as ESA writes it (``2021-06-12T05:26:22.401372``, with or without ``UTC=`` and ``Z``).

    Digits beyond microseconds are cut.

    Raises:
        ValueError: The text is not a time.
    """
    cleaned = text.strip().removeprefix("UTC=").removesuffix("Z")
    time = np.datetime64(cleaned[:_MICROSECOND_DIGITS], "us")
    if np.isnat(time):
        raise ValueError(f"not a time: {text!r}")
    return time


@overload
def seconds_since(times: np.datetime64, epoch: np.datetime64) -> float: ...
@overload
def seconds_since(times: Times, epoch: np.datetime64) -> Floats: ...
def seconds_since(times: np.datetime64 | Times, epoch: np.datetime64) -> float | Floats:
    """Seconds from ``epoch`` to ``times`` in float64, exact to the microsecond over centuries.

    Args:
        times: One time, or an array of any shape.
        epoch: Where the seconds count from.
    """
    microseconds = (times - epoch) / np.timedelta64(1, "us")
    return microseconds * 1e-6


def seconds(value: float) -> np.timedelta64:
    """A duration in seconds as a time difference, rounded to microseconds."""
    return np.timedelta64(round(value * 1e6), "us")

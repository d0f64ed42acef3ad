"""How much memory this process has taken."""

from __future__ import annotations

import resource

_KIBIBYTE = 1024  # the unit of Linux's getrusage(2)


def peak_memory() -> int:
    """Most memory that was resident at any time, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBIBYTE

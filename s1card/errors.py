"""What can go wrong, in classes that carry the exit code, the subject and the advice."""

from __future__ import annotations

import errno

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the operating system says where no room is left on a disk or in a quota."""


class S1CardError(Exception):
    """Base of every error that s1card raises on purpose.

    Args:
        message: What happened, one sentence without a full stop.
        subject: What it happened to: a scene, file, burst, operator or parcel.
        advice: What the user can do about it.

    Attributes:
        node: Id of the node of a graph that it happened in, "" outside of graphs.
    """

    exit_code = 70
    node = ""

    def __init__(self, message: str, *, subject: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.subject = subject
        self.advice = advice

    def __str__(self) -> str:
        text = f"{self.subject}: {self.message}" if self.subject else self.message
        return f"{text}. {self.advice}" if self.advice else text


class UsageError(S1CardError):
    """The call is wrong: an option, a parameter, a combination."""

    exit_code = 2


class GraphError(UsageError):
    """The recipe is wrong: unreadable, incomplete, or beyond what the engine can do."""


class DataError(S1CardError):
    """The input data are wrong, missing or damaged."""

    exit_code = 3


class SceneError(DataError):
    """A Sentinel-1 product that cannot be used."""


class OrbitError(DataError):
    """No usable orbit for an acquisition."""


class DemError(DataError):
    """An elevation model or geoid grid that cannot be used."""


class NetworkError(S1CardError):
    """A remote service did not deliver."""

    exit_code = 4


class ResourceError(S1CardError):
    """Not enough memory or disk."""

    exit_code = 5


class EngineError(S1CardError):
    """Software outside this package, such as SNAP, failed, and not for a reason that is known to lie in the input."""

"""Settings of the engines that run SNAP."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from s1card.errors import UsageError

DEFAULT_IMAGE = "s1card-snap"
"""Image that engine ``container`` runs unless another is named."""

STALLED_AFTER = 3600.0
"""Seconds without a sign of life after which gpt counts as hanging."""


@dataclass(frozen=True)
class SnapSettings:
    """How SNAP is found and run.

    Attributes:
        gpt: SNAP's ``gpt``, its ``bin`` folder or its installation folder; None: searched, see `locate`.
        scratch: Folder in which every run makes a scratch folder of its own; None: that of temporary files.
        keep_scratch: Whether to keep the scratch folder of a run that succeeded, too.
        stalled_after: Seconds without output, and without a file that grows, after which gpt is stopped; 0: never.
        memory: Memory that SNAP may take, bytes; None: three quarters of what the process may have.
        threads: Worker threads; None: all cores that the process may use.
        runtime: Container runtime (``docker``, ``podman``, ``apptainer``, ``charliecloud``) or a path of one; "":
            the first that is there.
        image: Image with SNAP in it.
        container_gpt: ``gpt`` inside the image.
        container_options: Further options of the runtime, placed before the image.
        place_dem: Whether to move the prepared elevation model by half a pixel, because SNAP reads every external
            one that much to the north-west.
    """

    gpt: Path | None = None
    scratch: Path | None = None
    keep_scratch: bool = False
    stalled_after: float = STALLED_AFTER
    memory: int | None = None
    threads: int | None = None
    runtime: str = ""
    image: str = DEFAULT_IMAGE
    container_gpt: str = "gpt"
    container_options: tuple[str, ...] = ()
    place_dem: bool = True

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> SnapSettings:
        """Settings as the variables S1CARD_GPT, S1CARD_SCRATCH, S1CARD_SNAP_TIMEOUT and S1CARD_CONTAINER_* say.

        Raises:
            UsageError: The time limit is no number of seconds.
        """
        given = os.environ if environment is None else environment
        return cls(
            gpt=_path(given.get("S1CARD_GPT")),
            scratch=_path(given.get("S1CARD_SCRATCH")),
            stalled_after=_seconds(given.get("S1CARD_SNAP_TIMEOUT", "")),
            runtime=given.get("S1CARD_CONTAINER_RUNTIME", ""),
            image=given.get("S1CARD_CONTAINER_IMAGE", "") or DEFAULT_IMAGE,
            container_gpt=given.get("S1CARD_CONTAINER_GPT", "") or "gpt",
            container_options=tuple(shlex.split(given.get("S1CARD_CONTAINER_OPTIONS", ""))),
        )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _seconds(text: str) -> float:
    if not text:
        return STALLED_AFTER
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise UsageError(f"{text!r} is no number of seconds", subject="S1CARD_SNAP_TIMEOUT")
    return value

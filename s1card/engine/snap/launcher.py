"""How gpt is started: what both a local SNAP and one in a container have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from s1card.engine.snap.process import environment_for
from s1card.engine.snap.resources import MEBIBYTE, Resources
from s1card.engine.snap.scratch import Scratch


@dataclass(frozen=True)
class Job:
    """One run of gpt.

    Attributes:
        scratch: Its scratch folder.
        inputs: Files and folders that it reads and must not change.
        resources: What it may take.
    """

    scratch: Scratch
    inputs: tuple[Path, ...]
    resources: Resources


class Launcher(Protocol):
    """Starts gpt somewhere."""

    @property
    def engine(self) -> str:
        """Name of the engine: ``gpt`` or ``container``."""

    @property
    def key(self) -> str:
        """What tells one SNAP from another, to ask each for its version once."""

    def command(self, arguments: Sequence[str], job: Job) -> list[str]:
        """The command that runs gpt with arguments."""

    def environment(self, job: Job) -> dict[str, str]:
        """The environment of that command."""

    def stop(self, job: Job) -> None:
        """End what goes on outside the process group of the command, after that was ended."""


@dataclass(frozen=True)
class LocalGpt:
    """SNAP on this machine.

    Attributes:
        path: Its ``gpt``.
    """

    path: Path

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return "gpt"

    @property
    def key(self) -> str:
        """The program."""
        return str(self.path)

    def command(self, arguments: Sequence[str], job: Job) -> list[str]:
        """See `Launcher.command`."""
        return [str(self.path), *arguments]

    def environment(self, job: Job) -> dict[str, str]:
        """See `Launcher.environment`."""
        return environment_for(job.scratch.home, job.scratch.temp)

    def stop(self, job: Job) -> None:
        """Nothing: all of it is in the process group."""


def java_options(job: Job) -> list[str]:
    """Options of the Java machine: its heap, and all its folders inside the scratch folder."""
    scratch, resources = job.scratch, job.resources
    orbits = scratch.user / "auxdata" / "Orbits" / "Sentinel-1"
    properties = {
        "java.awt.headless": "true",
        "java.io.tmpdir": scratch.temp,
        "user.home": scratch.home,
        "snap.userdir": scratch.user,
        "snap.cachedir": scratch.cache,
        "AuxDataPath": scratch.user / "auxdata",
        "OrbitFiles.sentinel1POEOrbitPath": orbits / "POEORB",
        "OrbitFiles.sentinel1RESOrbitPath": orbits / "RESORB",
        "snap.versionCheck.interval": "NEVER",
    }
    heap = f"-J-Xmx{resources.heap // MEBIBYTE}M"
    return [heap, *(f"-J-D{name}={value}" for name, value in properties.items())]


def gpt_arguments(job: Job) -> list[str]:
    """Arguments of gpt that run the graph of the scratch folder, with stack traces in its log."""
    resources = job.resources
    return [
        str(job.scratch.graph),
        "-e",
        "-q",
        str(resources.threads),
        "-c",
        f"{resources.cache // MEBIBYTE}M",
        *java_options(job),
    ]

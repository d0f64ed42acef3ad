"""Finding SNAP, and asking for its version."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from s1card.engine.snap.settings import SnapSettings
from s1card.errors import UsageError

USUAL_PLACES = (
    "/opt/snap",
    "/opt/esa-snap",
    "/usr/local/snap",
    "/usr/local/esa-snap",
    "~/snap",
    "~/esa-snap",
)
_RELEASE = re.compile(r"SNAP Release version\s+(\S+)", re.IGNORECASE)
_JAVA = re.compile(r"Java version:\s+(\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class SnapVersion:
    """What ``gpt --diag`` says.

    Attributes:
        snap: Release, for example ``14.0.0``.
        java: Version of its Java, "" where it does not say.
        is_s1card: Whether it is no SNAP at all but ``s1card-gpt``, which has SNAP's command line.
    """

    snap: str
    java: str
    is_s1card: bool = False

    @property
    def major(self) -> int:
        """First number of the release, 0 where it is none."""
        digits = re.match(r"\d+", self.snap)
        return int(digits[0]) if digits else 0


def find_gpt(settings: SnapSettings, environment: Mapping[str, str] | None = None) -> Path:
    """SNAP's ``gpt``: as the settings say, of ``SNAP_HOME``, on the search path, or at a usual place.

    Raises:
        UsageError: There is none, or what is named is none.
    """
    given = os.environ if environment is None else environment
    if settings.gpt is not None:
        return _named(settings.gpt)
    if given.get("SNAP_HOME"):
        return _named(Path(given["SNAP_HOME"]), "SNAP_HOME")
    on_path = shutil.which("gpt", path=given.get("PATH"))
    if on_path:
        return Path(on_path).resolve()
    for place in USUAL_PLACES:
        path = Path(place).expanduser() / "bin" / "gpt"
        if _is_program(path):
            return path
    raise UsageError(
        "there is no SNAP on this machine",
        subject="gpt",
        advice="Install SNAP 14, name its folder with SNAP_HOME or its gpt with S1CARD_GPT, "
        "or use --engine native or container",
    )


def parse_version(text: str) -> SnapVersion:
    """The versions in what ``gpt --diag`` says.

    Raises:
        UsageError: It is not what SNAP says.
    """
    release = _RELEASE.search(text)
    if release is None:
        raise UsageError(
            f"it does not answer 'gpt --diag' as SNAP does, but {text.strip()[-200:]!r}",
            subject="gpt",
            advice="Name SNAP's own gpt with S1CARD_GPT (gpt is also the name of other programs)",
        )
    java = _JAVA.search(text)
    return SnapVersion(release[1], java[1] if java else "", "gpt of s1card" in text)


def _named(path: Path, source: str = "S1CARD_GPT") -> Path:
    for candidate in _candidates(path.expanduser()):
        if _is_program(candidate):
            return candidate.absolute()
    raise UsageError(
        "there is no gpt that can be run",
        subject=f"{source}={path}",
        advice="Name SNAP's folder or its bin/gpt",
    )


def _candidates(path: Path) -> Iterator[Path]:
    yield path
    yield path / "gpt"
    yield path / "bin" / "gpt"


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)

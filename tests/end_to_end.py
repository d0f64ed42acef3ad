"""What the end-to-end tests share: running the command line as users do, and looking at what it left."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from s1card.cli import main_group

BASE = ("--dem-datum", "ellipsoid")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "s1card", *map(str, arguments)]


def run_s1card(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run s1card in a process of its own and return exit code and output."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | environment,
        check=False,
    )


def make_card(scene: Path, dem: Path, out: Path, *options: object) -> Path:
    """Make a card by the command ``bs``, in this process because that is quicker; its folder."""
    arguments = ["bs", scene, "--dem", dem, *BASE, "--out", out, "--json", *options]
    done = CliRunner().invoke(main_group, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return Path(json.loads(done.stdout)["folder"])


def band(card: Path, name: str) -> Path:
    return card / f"{card.name}_{name}.tif"


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def assert_refused(done: subprocess.CompletedProcess[str], out: Path, code: int, *fragments: str) -> None:
    """The exit code, one clear message and nothing else on stderr, and nothing left in the output folder."""
    assert done.returncode == code, f"exit {done.returncode}: {done.stderr}"
    assert "Traceback" not in done.stderr
    messages = [line for line in done.stderr.splitlines() if line.lower().startswith("error")]
    assert len(messages) == 1, done.stderr
    assert "bug of s1card" not in messages[0]
    for fragment in fragments:
        assert fragment in messages[0], done.stderr
    assert not out.exists() or list(out.iterdir()) == []
    assert done.stdout == ""

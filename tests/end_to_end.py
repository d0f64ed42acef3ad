"""What the end-to-end tests share: running the command line as users do, and looking at what it left."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from s1card.cli import main
from s1card.simulate import SimulatedPair

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


def call_s1card(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The same inside this process, from the same entry point; quicker by a second."""
    out, err = io.StringIO(), io.StringIO()
    before = signal.getsignal(signal.SIGTERM)
    try:
        with (
            patch.object(sys, "argv", ["s1card", *map(str, arguments)]),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            main()
    except SystemExit as end:
        code = end.code
    finally:
        signal.signal(signal.SIGTERM, before)
    assert isinstance(code, int)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def make_card(scene: Path, dem: Path, out: Path, *options: object) -> Path:
    """Make a card by the command ``bs``; its folder."""
    done = call_s1card("bs", scene, "--dem", dem, *BASE, "--out", out, "--json", *options)
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["folder"])


def make_pair_card(pair: SimulatedPair, out: Path, *options: object) -> Path:
    """Make a card of a simulated pair by the command ``coh6``; its folder."""
    scenes = (*pair.secondary, *pair.reference)
    done = call_s1card("coh6", *scenes, "--dem", pair.dem, *BASE, "--out", out, "--json", *options)
    assert done.returncode == 0, done.stderr
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

"""Run a command and measure it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """What a process took."""

    wall: float
    cpu: float
    peak_mib: float

    def row(self, label: str) -> str:
        """A line of a Markdown table."""
        return f"| {label} | {self.wall:.1f} | {self.cpu:.1f} | {self.peak_mib:.0f} |"


def run(command: Sequence[str]) -> Usage:
    """Run a command to its end; its standard output is thrown away.

    Raises:
        CalledProcessError: It failed.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    if os.waitstatus_to_exitcode(status):
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), list(command))
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def s1card(*arguments: str) -> list[str]:
    """The command line of s1card in this interpreter."""
    return [sys.executable, "-m", "s1card", *arguments]


def machine() -> str:
    """Processor, cores, Python."""
    with open("/proc/cpuinfo") as info:  # noqa: PTH123
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), "?")
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"

"""The program ``snap`` of such a folder: it tells versions, and has no window."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from s1card.gpt.snap_folder import module_table


def run(words: Sequence[str]) -> int:
    """Print the modules if they are asked for; the exit code."""
    if "--modules" in words and "--list" in words:
        sys.stdout.write(module_table())
        return 0
    sys.stderr.write("snap: s1card has no desktop; use gpt\n")
    return 1


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))

"""The closest known name, for messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(word: str, known: Iterable[str]) -> str:
    """``Did you mean 'x'?`` for the known name closest to a word, empty if none is close."""
    by_lower = {name.lower(): name for name in known}
    lower = word.lower()
    match = get_close_matches(lower, by_lower, n=1, cutoff=0.6)
    match = match or [name for name in by_lower if lower and name.startswith(lower)]
    return f"Did you mean '{by_lower[match[0]]}'?" if match else ""

"""What commands say of parcels."""

from __future__ import annotations

from collections.abc import Sequence

import click

from s1card.parcels.records import Skipped

EXAMPLES = 5
"""So many ids are named for each reason."""


def tell_skipped(skipped: Sequence[Skipped]) -> None:
    """Say on stderr which features are left out or repaired, by reason, with some ids."""
    by_reason: dict[str, list[str]] = {}
    for each in skipped:
        by_reason.setdefault(each.reason, []).append(each.id)
    for reason, ids in by_reason.items():
        more = ", ..." if len(ids) > EXAMPLES else ""
        click.echo(f"{len(ids):,} parcels: {reason} ({', '.join(ids[:EXAMPLES])}{more})", err=True)

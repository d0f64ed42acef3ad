"""Placeholders in text: ``${name}`` and ``$name``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from s1card.graph.model import Node

# Without braces a name takes all letters, digits, underscores and dots that follow, so that $input1 is
# not found inside $input10; it never starts with a digit, which leaves BandMaths' product references
# such as $1.Sigma0_VV alone.
_PLACEHOLDER = re.compile(r"\$\{([^{}\s]+)\}|\$([^\W\d][\w.]*)")

# Patterns that SNAP itself resolves, in Collocate.
SNAP_OWN = frozenset({"ORIGINAL_NAME", "SLAVE_NUMBER_ID"})


def substitute(text: str, values: Mapping[str, str]) -> str:
    """The text with all known placeholders replaced, once; unknown ones stay as they are."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1] or match[2], match[0]), text)


def names_in(text: str, node: Node) -> tuple[str, ...]:
    """The placeholders in a text of a node, without those that SNAP resolves while it runs."""
    names = (match[1] or match[2] for match in _PLACEHOLDER.finditer(text))
    return tuple(name for name in names if not _is_snap_own(name, node))


def _is_snap_own(name: str, node: Node) -> bool:
    """Whether SNAP resolves this name: Collocate's patterns, and bands of a named source product."""
    product, dot, _ = name.partition(".")
    return name in SNAP_OWN or (bool(dot) and any(product == source.name for source in node.sources))

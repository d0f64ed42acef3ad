"""Where a card comes from: one source for the tags inside its rasters and for its STAC item."""

from __future__ import annotations

import hashlib
import re

import numpy as np
from lxml import etree

from s1card.card.records import CardContext
from s1card.errors import GraphError
from s1card.scene.scene import Scene

_ABSOLUTE = re.compile(r"(?:/|[A-Za-z]:[\\/]|file:)")


def portable_graph(graph_xml: str) -> str:
    """A graph with the folders of this machine taken out: of local paths the last part remains.

    The same processing must give the same card wherever its inputs lie, and a card tells nobody how the disks
    of its maker are laid out. Addresses (``s3://...``) stay.

    Raises:
        GraphError: The text is no XML.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_blank_text=False)
    try:
        root = etree.fromstring(graph_xml.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise GraphError(f"the graph is not XML: {error}") from error
    for element in root.iter(etree.Element):
        text = (element.text or "").strip()
        if len(element) == 0 and _is_local_path(str(element.tag), text):
            element.text = re.split(r"[\\/]", text.rstrip("\\/"))[-1]
    etree.indent(root)
    return etree.tostring(root, encoding="unicode") + "\n"


def graph_sha256(graph_xml: str) -> str:
    """SHA-256 of the graph as it stands in the card."""
    return hashlib.sha256(portable_graph(graph_xml).encode()).hexdigest()


def tags(context: CardContext) -> dict[str, str]:
    """The provenance that goes into every GeoTIFF of a card; give it to the writer before the first block.

    Returns:
        Tag name to text, in a fixed order; free of anything that changes when the card is made again.
    """
    manifest = context.scene.manifest
    return {
        "CARD_ID": context.card_id,
        "PRODUCT_TYPE": context.kind,
        "SOURCE": ", ".join(source.name for source in context.sources),
        "ACQUISITION_DATETIME": ", ".join(utc(source.manifest.start_time) for source in _dates(context)),
        "RELATIVE_ORBIT": str(manifest.relative_orbit),
        "ORBIT_DIRECTION": manifest.orbit_direction.upper(),
        "ORBIT_SOURCE": context.state_vectors.source,
        "ORBIT_FILE": context.state_vectors.name,
        "DEM": context.dem_name,
        "DEM_DATUM": context.dem_datum,
        "RECIPE": context.recipe,
        "GRAPH_SHA256": graph_sha256(context.graph_xml),
        "ENGINE": context.engine,
        "SOFTWARE": ", ".join(f"{name} {version}" for name, version in sorted(context.software.items())),
    }


def _dates(context: CardContext) -> tuple[Scene, ...]:
    """A scene of every date, the reference first."""
    pair = context.pair
    return (context.scene,) if pair is None else (pair.reference[0], pair.secondary[0])


def utc(time: np.datetime64) -> str:
    """A UTC time as RFC 3339 text with microseconds, for example ``2021-01-19T03:16:53.123456Z``."""
    return f"{np.datetime_as_string(time, unit='us')}Z"


def _is_local_path(tag: str, text: str) -> bool:
    """Whether an element holds a path of this machine: it looks like one, or its name says it is a file."""
    if "://" in text:
        return False
    return bool(_ABSOLUTE.match(text)) or (tag.lower().endswith("file") and ("/" in text or "\\" in text))

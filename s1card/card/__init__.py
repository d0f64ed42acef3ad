"""Cards: what is delivered. One folder of cloud-optimised rasters with their description and origin."""

from s1card.card.folder import atomic_folder
from s1card.card.names import BackscatterName, CoherenceName, parse_card_id
from s1card.card.product import Card, assemble_card, complete_card, open_card, raster_name, verify_card
from s1card.card.provenance import tags
from s1card.card.records import KINDS, CardBand, CardContext, CardKind

__all__ = [
    "KINDS",
    "BackscatterName",
    "Card",
    "CardBand",
    "CardContext",
    "CardKind",
    "CoherenceName",
    "assemble_card",
    "atomic_folder",
    "complete_card",
    "open_card",
    "parse_card_id",
    "raster_name",
    "tags",
    "verify_card",
]

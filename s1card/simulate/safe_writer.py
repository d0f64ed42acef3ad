"""The product folder: every document in its place, the manifest last, the final name at the very end."""

from __future__ import annotations

import binascii
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from s1card.errors import UsageError
from s1card.scene.records import Calibration, Noise
from s1card.simulate.annotation import annotation_document
from s1card.simulate.calibration import calibration_document
from s1card.simulate.image_facts import ImageFacts
from s1card.simulate.manifest import write_manifest
from s1card.simulate.noise import noise_document
from s1card.simulate.product import Product
from s1card.simulate.rfi import rfi_document
from s1card.simulate.xml import to_bytes


@dataclass(frozen=True, eq=False)
class ImageDocuments:
    """The typed contents of the documents of one image."""

    facts: ImageFacts
    calibration: Calibration
    noise: Noise


@contextmanager
def new_product(out: Path, product: Product) -> Iterator[tuple[Path, Callable[[], Path]]]:
    """A product folder to be filled, and a function that gives it manifest and name when it is full.

    Nothing half-written carries the final name; what is not finished is removed.
    """
    folder = out / f".{product.stem}.partial"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("measurement", "annotation/calibration", "preview"):
        (folder / name).mkdir(parents=True)
    try:
        yield folder, lambda: _finish(out, folder, product)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _finish(out: Path, folder: Path, product: Product) -> Path:
    """Write the manifest and rename the folder.

    Raises:
        UsageError: A product of that name is there already.
    """
    final = out / product_name(product, write_manifest(product, folder))
    if final.exists():
        raise UsageError(
            "the product is there already", subject=str(final), advice="Remove it or choose another folder"
        )
    return folder.rename(final)


def product_name(product: Product, manifest: bytes) -> str:
    """Name of the product folder; it ends with the CRC-16 (CCITT, start 0xFFFF) of the manifest."""
    suffix = "_COG" if product.cog else ""
    return f"{product.stem}_{binascii.crc_hqx(manifest, 0xFFFF):04X}{suffix}.SAFE"


def zip_product(safe: Path) -> Path:
    """Write a zip of a product beside it, uncompressed as the archives deliver, and return its path."""
    archive = safe.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as stream:
        for path in sorted(safe.rglob("*")):
            # A fixed date: same product, same bytes.
            entry = zipfile.ZipInfo(
                (Path(safe.name) / path.relative_to(safe)).as_posix(), (2020, 1, 1, 0, 0, 0)
            )
            if path.is_file():
                with path.open("rb") as source, stream.open(entry, "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target, 1 << 20)
    return archive


def write_image_documents(folder: Path, documents: ImageDocuments) -> None:
    """Write annotation, calibration and noise (and interference from IPF 3.40 on) of an image."""
    facts, annotation = documents.facts, folder / "annotation"
    product, image = facts.product, facts.image
    name = product.image_name(image)
    written = {
        f"{name}.xml": annotation_document(facts),
        f"calibration/calibration-{name}.xml": calibration_document(product, image, documents.calibration),
        f"calibration/noise-{name}.xml": noise_document(product, image, documents.noise),
    }
    if product.has_interference:
        (annotation / "rfi").mkdir(exist_ok=True)
        reports = [(beam.swath, time) for time in facts.burst_times for beam in facts.beams]
        written[f"rfi/rfi-{name}.xml"] = rfi_document(product, image, reports)
    for path, root in written.items():
        (annotation / path).write_bytes(to_bytes(root))

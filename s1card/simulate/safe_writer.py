"""The product folder: every document in its place, the manifest last, the final name at the very end."""

from __future__ import annotations

import binascii
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from s1card.errors import UsageError
from s1card.scene.records import Calibration, Noise
from s1card.simulate.annotation import PixelStatistics, annotation_document
from s1card.simulate.calibration import calibration_document
from s1card.simulate.image_geometry import ImageGeometry
from s1card.simulate.manifest import write_manifest
from s1card.simulate.measurement import quicklook_colors, write_measurements
from s1card.simulate.noise import noise_document
from s1card.simulate.pixels import Counts
from s1card.simulate.preview import write_preview
from s1card.simulate.product import Product
from s1card.simulate.rfi import rfi_document
from s1card.simulate.xml import to_bytes


@dataclass(frozen=True, eq=False)
class Documents:
    """The typed contents of a product: geometry and calibration for all images, noise per polarization."""

    product: Product
    geometry: ImageGeometry
    calibration: Calibration
    noise: tuple[Noise, ...]


def write_safe(out: Path, documents: Documents, blocks: Iterable[tuple[int, Counts]]) -> Path:
    """Write a product folder into ``out`` and return its path; nothing half-written carries the final name.

    Raises:
        UsageError: A product of that name is there already.
    """
    folder = out / f".{documents.product.stem}.partial"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _write_documents(folder, documents, blocks)
        name = product_name(documents.product, write_manifest(documents.product, folder))
        final = out / name
        if final.exists():
            raise UsageError(
                "the product is there already",
                subject=str(final),
                advice="Remove it or choose another folder",
            )
        folder.rename(final)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return final


def product_name(product: Product, manifest: bytes) -> str:
    """Name of the product folder; it ends with the CRC-16 (CCITT, start 0xFFFF) of the manifest."""
    suffix = "_COG" if product.config.cog else ""
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


def _write_documents(folder: Path, documents: Documents, blocks: Iterable[tuple[int, Counts]]) -> None:
    for name in ("measurement", "annotation/calibration", "preview"):
        (folder / name).mkdir(parents=True)
    product = documents.product
    summaries = write_measurements(folder / "measurement", product, documents.geometry.grid, blocks)
    for k, polarization in enumerate(product.config.polarizations):
        _write_image(folder, documents, polarization, documents.noise[k], summaries[k].statistics)
    write_preview(folder / "preview", product, quicklook_colors([summary.image for summary in summaries]))


def _write_image(
    folder: Path, documents: Documents, polarization: str, noise: Noise, statistics: PixelStatistics
) -> None:
    product, name = documents.product, documents.product.image_name(polarization)
    annotation = folder / "annotation"
    calibration = calibration_document(product, polarization, documents.calibration)
    written = {
        f"{name}.xml": annotation_document(product, polarization, documents.geometry, statistics),
        f"calibration/calibration-{name}.xml": calibration,
        f"calibration/noise-{name}.xml": noise_document(product, polarization, noise),
    }
    if product.config.ipf_version >= (3, 40):
        (annotation / "rfi").mkdir(exist_ok=True)
        written[f"rfi/rfi-{name}.xml"] = rfi_document(product, polarization)
    for path, root in written.items():
        (annotation / path).write_bytes(to_bytes(root))

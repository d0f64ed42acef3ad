"""What a pass over a card found, as columns of rows in the order in which stores keep them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from s1card.errors import S1CardError
from s1card.parcels.records import EXTRA_STATISTICS, STATISTICS, BandSignatures, Extraction, Histograms

VALUE_COLUMNS = (*STATISTICS, *EXTRA_STATISTICS)
"""All statistics that a row may have, in the order of columns."""

STATUS_LENGTH = 24
"""Characters of a status word, as in the original's catalogue."""


@dataclass(frozen=True, eq=False)
class SignatureRows:
    """Rows of signatures of one observation, sorted by (pid, band); all arrays are equally long.

    Attributes:
        bands: Distinct band codes in alphabetical order.
        pid: Number of the parcel, int32.
        band: Index into ``bands``, int8.
        reason: Index into `s1card.parcels.records.REASONS`, uint8.
        values: float32 arrays by name, in the order of `VALUE_COLUMNS`; those that nobody asked for are missing.
            NaN stands for NULL, and nothing is infinite.
    """

    bands: tuple[str, ...]
    pid: NDArray[np.int32]
    band: NDArray[np.int8]
    reason: NDArray[np.uint8]
    values: Mapping[str, NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.pid)


@dataclass(frozen=True, eq=False)
class HistogramRows:
    """Class histograms of one observation, sorted by pid.

    Attributes:
        pid: Number of the parcel, int32.
        texts: JSON objects, class to number of pixels, such as ``{"4": 93, "3": 4}``.
    """

    pid: NDArray[np.int32]
    texts: list[str]

    def __len__(self) -> int:
        return len(self.pid)


def signature_rows(extraction: Extraction) -> SignatureRows:
    """Bring the signatures of all bands of a card into the order of (pid, band).

    Raises:
        S1CardError: A band occurs twice, or a parcel twice within a band; a fault of the program.
    """
    bands = sorted(extraction.bands, key=lambda band: band.band)
    _check(extraction.observation.reference, bands)
    counts = [len(band) for band in bands]
    pid = np.concatenate([np.empty(0, np.int32), *(band.pid for band in bands)])
    order = np.argsort(pid, kind="stable")  # of sorted runs: a merge; bands of a parcel keep their order
    return SignatureRows(
        bands=tuple(band.band for band in bands),
        pid=pid[order],
        band=np.repeat(np.arange(len(bands), dtype=np.int8), counts)[order],
        reason=np.concatenate([np.empty(0, np.uint8), *(band.reason for band in bands)])[order],
        values={name: _column(bands, name)[order] for name in VALUE_COLUMNS if _is_present(bands, name)},
    )


def histogram_rows(histograms: Histograms | None) -> HistogramRows:
    """Class histograms as JSON texts, as the original writes them; none of a card without a classification."""
    if histograms is None:
        return HistogramRows(np.empty(0, np.int32), [])
    rows, classes = np.nonzero(histograms.counts)
    pieces = [
        f'"{k}": {int(v) if v.is_integer() else round(v, 4)}'
        for k, v in zip(classes.tolist(), histograms.counts[rows, classes].tolist(), strict=True)
    ]
    ends = np.cumsum(np.bincount(rows, minlength=len(histograms.pid))).tolist()
    texts = [f"{{{', '.join(pieces[begin:end])}}}" for begin, end in zip([0, *ends[:-1]], ends, strict=True)]
    return HistogramRows(histograms.pid, texts)


def utc_naive(time: datetime) -> datetime:
    """The moment in UTC without a time zone, as the catalogue has it; a time without a zone is UTC already."""
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)


def _check(reference: str, bands: Sequence[BandSignatures]) -> None:
    codes = [band.band for band in bands]
    is_ordered = all(bool(np.all(band.pid[1:] > band.pid[:-1])) for band in bands)
    if len(set(codes)) != len(codes) or not is_ordered:
        raise S1CardError(
            f"signatures of bands {', '.join(codes)} are not one ascending row per parcel and band",
            subject=reference,
            advice="This is a fault of s1card: please report it",
        )


def _is_present(bands: Sequence[BandSignatures], name: str) -> bool:
    return any(name in band.values for band in bands)


def _column(bands: Sequence[BandSignatures], name: str) -> NDArray[np.float32]:
    """A statistic of all bands, one after the other; NaN where it is missing or not a finite number."""
    parts = [band.values.get(name, np.full(len(band), np.nan, np.float32)) for band in bands]
    values = np.concatenate(parts).astype(np.float32, copy=False)
    return np.where(np.isfinite(values), values, np.float32(np.nan))

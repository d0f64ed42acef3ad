"""The annotation of slices laid end to end.

Records of a slice count up to where those of the next one begin, so that whatever is interpolated along track goes on
as it does within a slice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from s1card.scene.orbit import join_orbits
from s1card.scene.records import (
    Annotation,
    Calibration,
    GeolocationGrid,
    Noise,
    NoiseAzimuthVector,
    StateVectors,
    SwathBounds,
    Tops,
)
from s1card.scene.time import seconds_since
from s1card.window import Window

Record = TypeVar("Record")


@dataclass(frozen=True)
class SlicePlace:
    """Where the lines of a slice are in the assembled image.

    Lines come in blocks: bursts, or single lines of a detected image. Where slices have bursts of different size, lines
    without data fill up the shorter ones.

    Attributes:
        first_block: Number, in the assembled image, of the first block of the slice that is kept.
        skipped: Blocks at the beginning of the slice that the slice before has too.
        blocks: How many are kept.
        block_lines: Lines of a block in the slice.
        pitch: Lines from a block to the next in the assembled image.
        pixels: Width of the slice.
    """

    first_block: int
    skipped: int
    blocks: int
    block_lines: int
    pitch: int
    pixels: int

    @property
    def window(self) -> Window:
        """The slice in the assembled image."""
        return Window(self.first_block * self.pitch, 0, self.blocks * self.pitch, self.pixels)

    def line(self, line: int) -> int:
        """Line in the assembled image of a line of the slice, which may lie outside of it."""
        block, rest = divmod(line, self.block_lines)
        return (self.first_block + block - self.skipped) * self.pitch + rest

    def pieces(self, window: Window) -> Iterator[tuple[Window, Window]]:
        """Parts of a window of the assembled image with data of the slice: the part, and where that is in the slice."""
        inside = window.intersection(self.window)
        if inside.is_empty:
            return
        moved = self.skipped - self.first_block
        if self.block_lines == self.pitch:
            yield inside, inside.moved(moved * self.pitch, 0)
            return
        for block in range(inside.row // self.pitch, (inside.row_end - 1) // self.pitch + 1):
            whole = Window(block * self.pitch, 0, self.block_lines, self.pixels)
            part = whole.intersection(inside)
            if not part.is_empty:
                yield part, part.moved((block + moved) * self.block_lines - whole.row, 0)


def joined_orbit(orbits: Sequence[StateVectors]) -> StateVectors:
    """Orbits of slices, in order of time, as one.

    Raises:
        OrbitError: There is a gap between them.
    """
    orbit = orbits[0]
    for following in orbits[1:]:
        orbit = join_orbits(orbit, following)
    names = dict.fromkeys(orbit.name for orbit in orbits if orbit.name)
    return replace(orbit, name=" + ".join(names))


def joined_annotation(parts: Sequence[Annotation], places: Sequence[SlicePlace]) -> Annotation:
    """The product annotation of an image over all slices; the first one's where there is one value for all."""
    return replace(
        parts[0],
        last_line_time=parts[-1].last_line_time,
        lines=places[-1].window.row_end,
        pixels=max(part.pixels for part in parts),
        slice_number=None,
        terrain_height=np.concatenate([part.terrain_height for part in parts]),
        state_vectors=joined_orbit([part.state_vectors for part in parts]),
        coordinate_conversions=_in_order(
            [part.coordinate_conversions for part in parts], lambda record: record.azimuth_time
        ),
        geolocation_grid=_joined_grid([part.geolocation_grid for part in parts], places),
        swath_bounds=_joined_bounds([part.swath_bounds for part in parts], places),
        tops=_joined_tops([part.tops for part in parts if part.tops is not None], places),
    )


def joined_calibration(parts: Sequence[Calibration], places: Sequence[SlicePlace]) -> Calibration:
    """Calibration vectors of all slices."""
    moved = [
        [replace(vector, line=place.line(vector.line)) for vector in part.vectors]
        for part, place in zip(parts, places, strict=True)
    ]
    vectors = _in_order(moved, lambda vector: vector.line)
    return replace(parts[0], stop_time=parts[-1].stop_time, vectors=vectors)


def joined_noise(parts: Sequence[Noise], places: Sequence[SlicePlace]) -> Noise:
    """Noise vectors of all slices.

    Blocks of azimuth vectors of a detected image go on in the next slice, so that the vectors of either side are
    interpolated across the joint; those of bursts stay what they are.
    """
    moved = [
        [replace(vector, line=place.line(vector.line)) for vector in part.range_vectors]
        for part, place in zip(parts, places, strict=True)
    ]
    blocks = [
        [_moved_block(block, place) for block in part.azimuth_vectors]
        for part, place in zip(parts, places, strict=True)
    ]
    return replace(
        parts[0],
        stop_time=parts[-1].stop_time,
        range_vectors=_in_order(moved, lambda vector: vector.line),
        azimuth_vectors=_going_on(blocks) if places[0].block_lines == 1 else tuple(chain(*blocks)),
    )


def _going_on(parts: Sequence[Sequence[NoiseAzimuthVector]]) -> tuple[NoiseAzimuthVector, ...]:
    """Blocks of all slices; one that begins where one of the same pixels ends is put together with it."""
    whole: list[NoiseAzimuthVector] = []
    for block in chain(*parts):
        before = next((other for other in whole if _adjoin(other, block)), None)
        if before is None:
            whole.append(block)
        else:
            whole[whole.index(before)] = _together(before, block)
    return tuple(whole)


def _adjoin(first: NoiseAzimuthVector, second: NoiseAzimuthVector) -> bool:
    same = (first.swath, first.first_pixel, first.last_pixel) == (
        second.swath,
        second.first_pixel,
        second.last_pixel,
    )
    return same and first.last_line + 1 == second.first_line


def _together(first: NoiseAzimuthVector, second: NoiseAzimuthVector) -> NoiseAzimuthVector:
    kept = first.line < second.line[0]
    return replace(
        first,
        last_line=second.last_line,
        line=np.concatenate([first.line[kept], second.line]),
        value=np.concatenate([first.value[kept], second.value]),
    )


def _moved_block(block: NoiseAzimuthVector, place: SlicePlace) -> NoiseAzimuthVector:
    """A block in the assembled image, without lines that the slice before has too."""
    window = place.window
    return replace(
        block,
        first_line=max(place.line(block.first_line), window.row),
        last_line=min(place.line(block.last_line), window.row_end - 1),
        line=np.array([place.line(int(line)) for line in block.line]),
    )


def _in_order(parts: Sequence[Sequence[Record]], key: Callable[[Record], Any]) -> tuple[Record, ...]:
    """Records of all slices, each slice's up to the first one of the next."""
    parts = [sorted(part, key=key) for part in parts if part]
    ends = [key(part[0]) for part in parts[1:]]
    kept = [[record for record in part if key(record) < end] for part, end in zip(parts, ends, strict=False)]
    return tuple(record for some in [*kept, *parts[-1:]] for record in some)


def _joined_bounds(
    parts: Sequence[Sequence[SwathBounds]], places: Sequence[SlicePlace]
) -> tuple[SwathBounds, ...]:
    return tuple(
        replace(bounds, first_line=place.line(bounds.first_line), last_line=place.line(bounds.last_line))
        for part, place in zip(parts, places, strict=True)
        for bounds in part
    )


def _joined_tops(parts: Sequence[Tops], places: Sequence[SlicePlace]) -> Tops | None:
    if not parts:
        return None
    kept = (part.bursts[place.skipped :] for part, place in zip(parts, places, strict=True))
    return replace(
        parts[0],
        lines_per_burst=places[0].pitch,
        samples_per_burst=max(part.samples_per_burst for part in parts),
        bursts=tuple(burst for some in kept for burst in some),
        fm_rates=_in_order([part.fm_rates for part in parts], lambda record: record.azimuth_time),
        doppler_centroids=_in_order(
            [part.doppler_centroids for part in parts], lambda record: record.azimuth_time
        ),
    )


def _joined_grid(parts: Sequence[GeolocationGrid], places: Sequence[SlicePlace]) -> GeolocationGrid:
    """Tie points of all slices at the pixels of the widest one; rows of a slice up to the time the next begins."""
    pixel = max((part.pixel for part in parts), key=lambda pixels: int(pixels[-1]))
    spread = [_at_pixels(part, pixel) for part in parts]
    first = [
        int(np.searchsorted(part.line, place.skipped * place.block_lines))
        for part, place in zip(parts, places, strict=True)
    ]
    starts = [part.azimuth_time[row, 0] for part, row in zip(parts, first, strict=True)]
    last = [
        int(np.searchsorted(part.azimuth_time[:, 0], start))
        for part, start in zip(parts, starts[1:], strict=False)
    ]
    rows = [slice(*bounds) for bounds in zip(first, [*last, None], strict=True)]
    line = [
        place.line(int(line))
        for part, place, kept in zip(parts, places, rows, strict=True)
        for line in part.line[kept]
    ]
    layers = {
        name: np.concatenate([getattr(part, name)[kept] for part, kept in zip(spread, rows, strict=True)])
        for name in _LAYERS
    }
    return GeolocationGrid(line=np.array(line), pixel=pixel, **layers)


_LAYERS = (
    "azimuth_time",
    "slant_range_time",
    "latitude",
    "longitude",
    "height",
    "incidence_angle",
    "elevation_angle",
)


def _at_pixels(grid: GeolocationGrid, pixel: NDArray[np.int64]) -> GeolocationGrid:
    """Tie points at other pixels: linear between the annotated ones, and beyond."""
    if np.array_equal(grid.pixel, pixel):
        return grid
    left = np.clip(np.searchsorted(grid.pixel, pixel, side="right") - 1, 0, grid.pixel.size - 2)
    weight = (pixel - grid.pixel[left]) / (grid.pixel[left + 1] - grid.pixel[left])
    epoch = grid.azimuth_time[0, 0]

    def spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(values[:, left] + weight * (values[:, left + 1] - values[:, left]))

    seconds = spread(seconds_since(grid.azimuth_time, epoch))
    numbers = {name: spread(getattr(grid, name)) for name in _LAYERS[1:]}
    time = epoch + np.round(seconds * 1e6).astype("timedelta64[us]")
    return GeolocationGrid(line=grid.line, pixel=pixel, azimuth_time=time, **numbers)

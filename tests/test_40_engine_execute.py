"""The execution core: the same bytes however the work is cut, errors, interruptions, memory, caches."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from engine_cases import Small, chain, small
from hypothesis import given
from hypothesis import strategies as st

from s1card.chunk_cache import ChunkCache
from s1card.engine.native import line_cache
from s1card.engine.native.context import BLOCKS_SHARE, BYTES_PER_PIXEL, MEBIBYTE, MemoryPlan, Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.engine.native.execute import execute, ordered_blocks
from s1card.engine.native.line_cache import LineCache
from s1card.engine.native.product import Band
from s1card.engine.native.write import WriteJob
from s1card.errors import ResourceError, SceneError
from s1card.graph.model import Graph
from s1card.raster.sink import TILE
from s1card.window import Window

__all__ = ["small"]


def to_map(small: Small, target: Path, file_format: str = "COG", **parameters: Any) -> Graph:
    return chain(
        small.read,
        ("Apply-Orbit-File", {"continueOnFail": True}),
        ("ThermalNoiseRemoval", {"clipNegativeValues": False}),
        ("Calibration", {"outputGammaBand": True, "outputSigmaBand": False}),
        small.terrain_correction(pixelSpacingInMeter=5, **parameters),
        ("Write", {"file": target, "formatName": file_format}),
    )


class TestBytes:
    def test_do_not_depend_on_blocks_threads_or_memory(self, small: Small, tmp_path: Path) -> None:
        layers = dict.fromkeys(("saveDEM", "saveLocalIncidenceAngle", "saveLayoverShadowMask"), True)
        made = []
        cuts = [(512, 1, 2048), (512, 2, 2048), (2048, 2, 2048), (64, 2, 512), (2048, 1, 512)]
        for k, (block, threads, memory) in enumerate(cuts):
            here = Surroundings(orbit="none", block=block, threads=threads, memory=memory * MEBIBYTE)
            graph = to_map(small, tmp_path / str(k) / "out.tif", **layers)
            written = NativeEngine(here).run(graph)[0]
            made.append({path.name: path.read_bytes() for path in written.paths})
        assert len(made[0]) == 5
        assert all(files == made[0] for files in made[1:])

    @pytest.mark.parametrize("file_format", ["GeoTIFF", "GeoTIFF-BigTIFF", "BEAM-DIMAP", "ENVI"])
    def test_formats_hold_the_lazy_product(self, small: Small, tmp_path: Path, file_format: str) -> None:
        graph = to_map(small, tmp_path / "out", file_format)
        engine = NativeEngine(Surroundings(orbit="none"))
        engine.run(graph)
        product = engine.build(graph)["Terrain-Correction"]
        wanted = product.band("Gamma0_VV").read(product.grid.window)
        got = _band(tmp_path, file_format)
        np.testing.assert_array_equal(np.where(got == 0, np.nan, got), np.where(wanted == 0, np.nan, wanted))

    def test_announced_before_written(self, small: Small, tmp_path: Path) -> None:
        prepared = NativeEngine(Surroundings(orbit="none")).prepare(to_map(small, tmp_path / "out.tif"))
        output = prepared.outputs[0]
        assert [band.name for band in output.bands] == ["Gamma0_VH", "Gamma0_VV"]
        assert output.fact("ThermalNoiseRemoval") == "negative power kept"
        assert output.grid is not None
        assert output.grid.spacing_x == 5.0
        assert list(tmp_path.iterdir()) == []


def _band(folder: Path, file_format: str) -> np.ndarray:
    files = [p for p in sorted(folder.rglob("*")) if p.suffix in (".img", ".tif")]
    with rasterio.open(next((p for p in files if "Gamma0_VV" in p.name), files[0])) as dataset:
        array: np.ndarray = dataset.read(dataset.count if file_format.startswith("GeoTIFF") else 1)
    return array


class Sink:
    """A sink that remembers what came, and can fail."""

    tile = (TILE, TILE)

    def __init__(self, fail_at: int = -1) -> None:
        self.windows: list[Window] = []
        self.fail_at = fail_at
        self.aborted = False

    def write(self, band_index: int, window: Window, data: np.ndarray) -> None:
        if len(self.windows) == self.fail_at:
            raise ResourceError("the disk is full")
        self.windows.append(window)

    def close(self) -> list[Path]:
        return []

    def abort(self) -> None:
        self.aborted = True


def job(small: Small, tmp_path: Path, read: Any, sink: Sink, order: Any = None) -> WriteJob:
    """5 x 5 tiles of a product whose samples ``read`` gives."""
    prepared = NativeEngine(Surroundings(orbit="none")).prepare(
        chain(small.read, ("Calibration", {}), ("Write", {"file": tmp_path / "a.tif", "formatName": "COG"}))
    )
    output, product = prepared.announced[0]
    grid = replace(product.radar_grid, lines=5 * TILE, pixels=5 * TILE)
    bands = (Band("Sigma0_VV", "intensity", read, "VV"),)
    return WriteJob(output, replace(product, grid=grid, bands=bands, order=order), sink)


class TestErrors:
    def test_first_error_stops_the_work(self, small: Small, tmp_path: Path) -> None:
        begun: list[Window] = []

        def read(window: Window) -> np.ndarray:
            begun.append(window)
            if len(begun) == 4:
                raise SceneError("lines cannot be read")
            time.sleep(0.002)
            return np.zeros(window.shape, np.float32)

        with pytest.raises(SceneError, match="cannot be read"):
            execute([job(small, tmp_path, read, Sink())], threads=2, block=TILE)
        assert len(begun) <= 8  # of 25

    def test_error_of_the_sink(self, small: Small, tmp_path: Path) -> None:
        sink = Sink(fail_at=3)
        with pytest.raises(ResourceError, match="disk is full"):
            execute([job(small, tmp_path, _zeros, sink)], threads=2, block=TILE)
        assert len(sink.windows) < 10

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SceneError("cannot be read"), MemoryError()])
    def test_nothing_is_left(
        self, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Any
    ) -> None:
        """Interrupted when half of the tiles are written: no file, not even one with another name."""
        target = tmp_path / "out.tif"

        def interrupt(done: int, total: int) -> None:
            if done >= total / 2:
                raise error

        with pytest.raises(error if isinstance(error, type) else type(error)):
            NativeEngine(Surroundings(orbit="none")).run(to_map(small, target), progress=interrupt)
        assert list(tmp_path.iterdir()) == []

    def test_damaged_lines(self, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def damaged(self: Any, first: int, count: int) -> np.ndarray:
            raise SceneError("lines cannot be read", subject="vv.tiff")

        monkeypatch.setattr("s1card.scene.pixels.PixelReader.read_lines", damaged)
        with pytest.raises(SceneError, match=r"vv\.tiff"):
            NativeEngine(Surroundings(orbit="none")).run(to_map(small, tmp_path / "out.tif"))
        assert list(tmp_path.iterdir()) == []


def _zeros(window: Window) -> np.ndarray:
    return np.zeros(window.shape, np.float32)


class TestOrder:
    def test_every_tile_once_in_the_order_of_the_scene(self, small: Small, tmp_path: Path) -> None:
        sink = Sink()
        one = job(small, tmp_path, _zeros, sink, order=lambda w: -w.col - 0.1 * w.row)
        progress: list[tuple[int, int]] = []
        execute([one], threads=1, block=TILE, progress=lambda *p: progress.append(p))
        assert sorted(sink.windows) == list(one.product.grid.window.tiles(TILE, TILE))
        assert sink.windows == ordered_blocks(one, TILE)
        assert sink.windows[0] == Window(4 * TILE, 4 * TILE, TILE, TILE)
        assert progress[-1] == (25, 25)

    def test_blocks_are_whole_tiles(self, small: Small, tmp_path: Path) -> None:
        one = job(small, tmp_path, _zeros, Sink())
        assert {w.shape for w in ordered_blocks(one, 600)} == {
            (1024, 1024),
            (512, 1024),
            (1024, 512),
            (512, 512),
        }
        assert len(ordered_blocks(one, 64)) == 25

    def test_map_blocks_sweep_the_scene(self, small: Small, tmp_path: Path) -> None:
        """Lines rise from block to block, on a map that is turned against the track."""
        engine = NativeEngine(Surroundings(orbit="none"))
        product = engine.build(to_map(small, tmp_path / "a.tif"))["Terrain-Correction"]
        assert product.order is not None
        south, north = (product.order(Window(row, 300, 64, 64)) for row in (product.shape[0] - 64, 0))
        assert south < north - 100


class TestMemory:
    @given(st.integers(256, 65_536), st.integers(1, 256), st.integers(64, 8192))
    def test_shares_stay_within_the_budget(self, mebibytes: int, threads: int, block: int) -> None:
        memory = mebibytes * MEBIBYTE
        plan = MemoryPlan.divide(memory, threads, block)
        assert 1 <= plan.threads <= threads
        assert plan.block <= block
        edge = max(plan.block, TILE)  # blocks are whole tiles
        working = plan.threads * edge * edge * BYTES_PER_PIXEL
        assert working <= BLOCKS_SHARE * memory
        assert plan.lines + plan.dem + plan.gdal + working <= 0.72 * memory

    def test_usual_and_small_budgets(self) -> None:
        assert (MemoryPlan.divide(2048 * MEBIBYTE, 2, 512).threads, Surroundings().plan.block) == (2, 512)
        assert MemoryPlan.divide(2048 * MEBIBYTE, 2, 2048).block == 2048
        assert MemoryPlan.divide(1024 * MEBIBYTE, 2, 2048).block == 1536
        assert MemoryPlan.divide(512 * MEBIBYTE, 64, 512).threads == 9


class TestLineCache:
    RASTER = np.arange(300 * 7, dtype=np.uint16).reshape(300, 7)

    @given(st.data())
    def test_windows(self, data: st.DataObject) -> None:
        row, col = data.draw(st.integers(0, 299)), data.draw(st.integers(0, 6))
        rows, cols = data.draw(st.integers(1, 300 - row)), data.draw(st.integers(1, 7 - col))
        read = LineCache(3000).add((300, 7), lambda first, count: self.RASTER[first : first + count])
        window = Window(row, col, rows, cols)
        assert np.array_equal(read(window), self.RASTER[row : row + rows, col : col + cols])

    def test_two_threads_read_a_chunk_once(self) -> None:
        reads: list[int] = []

        def read_lines(first: int, count: int) -> np.ndarray:
            reads.append(first)
            time.sleep(0.05)
            return self.RASTER[first : first + count]

        read = LineCache(1 << 20).add((300, 7), read_lines)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(read, [Window(0, 0, 20, 7)] * 4 + [Window(30, 0, 20, 7)] * 4))
        assert reads == [0]

    def test_rasters_do_not_mix(self) -> None:
        cache = LineCache(1 << 20)
        reads = [
            cache.add((300, 7), lambda f, n, k=k: self.RASTER[f : f + n] + np.uint16(k))  # type: ignore[misc]
            for k in (0, 5)
        ]
        assert (reads[1](Window(0, 0, 2, 2)) - reads[0](Window(0, 0, 2, 2)) == 5).all()

    def test_an_error_is_not_kept(self) -> None:
        state = {"broken": True}

        def read_lines(first: int, count: int) -> np.ndarray:
            if state["broken"]:
                raise SceneError("cannot be read")
            return self.RASTER[first : first + count]

        read = LineCache(1 << 20).add((300, 7), read_lines)
        for _ in range(2):
            with pytest.raises(SceneError):
                read(Window(0, 0, 2, 2))
        state["broken"] = False
        assert read(Window(0, 0, 2, 2)).shape == (2, 2)

    def test_bounded(self) -> None:
        reads: list[int] = []

        def read_lines(first: int, count: int) -> np.ndarray:
            reads.append(first // line_cache.CHUNK_LINES)
            return self.RASTER[first : first + count]

        chunk = line_cache.CHUNK_LINES * 7 * 2
        read = LineCache(2 * chunk).add((300, 7), read_lines)
        for row in (0, 130, 0, 270, 0, 130):
            read(Window(row, 0, 1, 7))
        assert reads == [0, 1, 2, 1]  # the one unused for longest went

    def test_bytes_are_counted_once_under_pressure(self) -> None:
        """Many threads on a cache far too small: afterwards it holds what it counts."""
        cache: ChunkCache[np.ndarray] = ChunkCache(lambda key: np.zeros(10, np.uint8), 25)
        barrier = threading.Barrier(4)

        def work(seed: int) -> None:
            random = np.random.default_rng(seed)
            barrier.wait()
            for key in random.integers(0, 6, 300):
                cache.get((0, int(key)))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert cache._bytes == sum(f.result().nbytes for f in cache._entries.values())
        assert cache._bytes <= 60

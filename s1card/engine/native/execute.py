"""Run write jobs: blocks of the output, in parallel threads, in the order in which they sweep the scene.

Blocks are worked on in the order of the scene lines that they need, so that the scene is read once and only a few
hundred of its lines are in memory, however the map is rotated against the track. The values of a block do not depend
on the others, and sinks do not depend on the order of arrival: the bytes of a file are the same for any number of
threads and any size of blocks.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice

from s1card.engine.base import Progress
from s1card.engine.native.write import WriteJob
from s1card.window import Window


def execute(jobs: Sequence[WriteJob], *, threads: int, block: int, progress: Progress | None = None) -> None:
    """Compute and write everything; the sinks are left open.

    Args:
        jobs: What to write.
        threads: Worker threads.
        block: Edge of the blocks, rounded up to whole tiles of each sink.
        progress: Called with blocks done and blocks in all.

    Raises:
        Exception: The first error of a block; no further block is begun then.
    """
    tasks = [(job, window) for job in jobs for window in ordered_blocks(job, block)]
    stop = threading.Event()
    with ThreadPoolExecutor(threads, thread_name_prefix="s1card") as pool:
        try:
            _drive(pool, iter(tasks), len(tasks), 2 * threads, stop, progress)
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def ordered_blocks(job: WriteJob, block: int) -> list[Window]:
    """Blocks of a job on the lattice of its sink, in the order of work."""
    tile_rows, tile_cols = job.sink.tile
    rows, cols = -(-block // tile_rows) * tile_rows, -(-block // tile_cols) * tile_cols
    blocks = list(job.product.grid.window.tiles(rows, cols))
    order = job.product.order
    return blocks if order is None else sorted(blocks, key=lambda window: (order(window), window))


def _drive(
    pool: ThreadPoolExecutor,
    tasks: Iterator[tuple[WriteJob, Window]],
    total: int,
    ahead: int,
    stop: threading.Event,
    progress: Progress | None,
) -> None:
    """Keep ``ahead`` tasks submitted until all are done."""
    running: set[Future[None]] = set()
    done_count = 0
    while True:
        running |= {pool.submit(_write_block, *task, stop) for task in islice(tasks, ahead - len(running))}
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
        done_count += len(done)
        if progress is not None:
            progress(done_count, total)


def _write_block(job: WriteJob, window: Window, stop: threading.Event) -> None:
    for index, band in enumerate(job.bands):
        if stop.is_set():
            return
        job.sink.write(index, window, band.read(window))

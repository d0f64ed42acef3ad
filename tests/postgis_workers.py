"""Workers that load scenes into a PostGIS store, as processes that may be killed.

python postgis_workers.py load URL SEED      load every scene that is not yet extracted, until all are
python postgis_workers.py kill URL SEED      20 times: two workers at once, killed with SIGKILL at random moments
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import shapely

from s1card.parcels.records import STATISTICS, BandSignatures, Extraction, Histograms, Observation
from s1card.store.base import EXTRACTED
from s1card.store.postgis import PostgisStore

SCENES = 12
PARCELS = 6_000
LEASE = 1.0
START = datetime(2021, 1, 20, 5, 0)


def extraction(number: int) -> Extraction:
    """Scene ``number``: rows that tell which scene they are of; some without statistics, some with histograms."""
    observation = Observation(
        f"scene-{number}", START + timedelta(days=2 * number), "1A", "bs", shapely.box(8, 45, 9, 46)
    )
    pid = np.arange(1, PARCELS + 1 - number, dtype=np.int32)
    reason = (pid % 50 == 0).astype(np.uint8)
    values = {name: np.full(len(pid), number, np.float32) for name in (*STATISTICS, "valid")}
    values["mean"][reason > 0] = np.nan
    bands = [BandSignatures(band, pid, reason, values) for band in ("VVb", "VHb")]
    counts = np.full((len(pid) // 10, 5), number + 1, np.float32)
    return Extraction(observation, bands, Histograms(pid[: len(counts)], counts))


def load_all(url: str, seed: int) -> None:
    """Load scenes in a random order until each is in the store, whoever did it."""
    scenes = [extraction(number) for number in range(SCENES)]
    random.Random(seed).shuffle(scenes)
    store = PostgisStore(url, lease=LEASE)
    while True:
        done = {row["reference"] for row in store.observations().to_pylist() if row["status"] == EXTRACTED}
        missing = [scene for scene in scenes if scene.observation.reference not in done]
        if not missing:
            return
        for scene in missing:
            with store.taken(scene.observation) as work:
                if work is not None:
                    work.load(scene)
        time.sleep(0.02)


def reload_all(url: str, seed: int) -> None:
    """Load every scene again and again."""
    scenes = [extraction(number) for number in range(SCENES)]
    random.Random(seed).shuffle(scenes)
    store = PostgisStore(url, lease=LEASE)
    while True:
        for scene in scenes:
            with store.taken(scene.observation) as work:
                if work is not None:
                    work.load(scene)


def load_together(url: str, seed: int) -> None:
    """Let two workers load what is missing, at once."""
    for child in [_child(load_all, url, seed + k) for k in range(2)]:
        _, status = os.waitpid(child, 0)
        assert status == 0, "a worker failed"


def kill_workers(url: str, seed: int) -> None:
    """Start two workers and kill both, ten times."""
    moments = random.Random(seed)
    store = PostgisStore(url)
    for round_ in range(10):
        children = [_child(reload_all, url, 100 * seed + 2 * round_ + k) for k in range(2)]
        while round_ % 2 == 1 and store.info().rows == 0:
            time.sleep(0.005)  # however slow the machine is, something has to be loaded
        for child in children:
            time.sleep(moments.uniform(0.02, 0.3))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            assert os.WIFSIGNALED(status), "a worker ended before it was killed"


def _child(work: Callable[[str, int], None], url: str, seed: int) -> int:
    child = os.fork()
    if child:
        return child
    try:
        work(url, seed)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    {"load": load_together, "kill": kill_workers}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))

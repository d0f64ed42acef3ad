"""What SNAP may take of the machine: heap, tile cache and threads.

SNAP itself looks at none of what limits a process - control groups, Slurm, a budget - and takes more than there is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from s1card.engine.snap.settings import SnapSettings
from s1card.errors import ResourceError

MEBIBYTE = 1 << 20
SHARE = 0.75
"""Part of the memory there is that SNAP gets unless a budget is given; the system's file cache needs the rest."""
HEAP_SHARE = 0.80
"""Part of SNAP's memory that is heap. Compiled code, thread stacks and buffers beside it take the rest."""
CACHE_SHARE = 0.45
"""Part of the heap that is cache of tiles; operators hold tiles of their own, which JAI does not count."""
LEAST_HEAP = 512 * MEBIBYTE
UNLIMITED = 1 << 60


@dataclass(frozen=True)
class Resources:
    """What one run of SNAP gets.

    Attributes:
        memory: Of the whole process, bytes.
        heap: Java heap (``-Xmx``), bytes.
        cache: Tile cache (``-c``), bytes.
        threads: Parallelism (``-q``).
    """

    memory: int
    heap: int
    cache: int
    threads: int


@dataclass(frozen=True)
class Surface:
    """Where the limits of a process are written: files of the system and variables of a batch job."""

    root: Path = Path("/")
    environment: Mapping[str, str] | None = None

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment."""
        return os.environ if self.environment is None else self.environment

    def read(self, path: str) -> str:
        """Content of a file of the system, "" where it is not."""
        try:
            return (self.root / path).read_text()
        except OSError:
            return ""


def plan_resources(settings: SnapSettings, surface: Surface | None = None) -> Resources:
    """Divide what there is.

    Raises:
        ResourceError: It is not enough for SNAP to start.
    """
    surface = surface or Surface()
    memory = settings.memory or int(memory_limit(surface) * SHARE)
    heap = int(memory * HEAP_SHARE)
    if heap < LEAST_HEAP:
        raise ResourceError(
            f"SNAP cannot work with {memory // MEBIBYTE} MiB of memory",
            subject="SNAP",
            advice="Give it at least 1 GiB (8 GiB for a full scene), or use --engine native",
        )
    threads = min(settings.threads or UNLIMITED, core_limit(surface))
    return Resources(memory, heap, int(heap * CACHE_SHARE), threads)


def memory_limit(surface: Surface) -> int:
    """Bytes that the process may have: what is free on the machine, its control group's limit, its job's order."""
    limits = [_free_memory(surface), *_group_memory(surface), _slurm_memory(surface)]
    return min(limit for limit in limits if limit > 0)


def core_limit(surface: Surface) -> int:
    """Cores that the process may use: of its affinity, its control group's quota, its job's order."""
    limits = [len(os.sched_getaffinity(0)), _group_cores(surface)]
    limits += [
        _number(surface.variables.get(name, "")) for name in ("SLURM_CPUS_PER_TASK", "OMP_NUM_THREADS")
    ]
    return max(1, min(limit for limit in limits if limit > 0))


def _free_memory(surface: Surface) -> int:
    for line in surface.read("proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _group_memory(surface: Surface) -> list[int]:
    """Limits of the control group and of those above it, versions 2 and 1."""
    limits = [_number(surface.read(f"sys/fs/cgroup/{place}memory.max")) for place in _group_places(surface)]
    limits += [
        _number(surface.read(f"sys/fs/cgroup/memory/{place}memory.limit_in_bytes"))
        for place in _group_places(surface, "memory")
    ]
    return [limit for limit in limits if 0 < limit < UNLIMITED]


def _group_cores(surface: Surface) -> int:
    """Whole cores of the smallest quota, 0 without one."""
    quotas = []
    for place in _group_places(surface):
        words = surface.read(f"sys/fs/cgroup/{place}cpu.max").split()
        if len(words) == 2 and words[0].isdigit():
            quotas.append(int(words[0]) / int(words[1]))
    for place in _group_places(surface, "cpu"):
        quota = _number(surface.read(f"sys/fs/cgroup/cpu/{place}cpu.cfs_quota_us"))
        period = _number(surface.read(f"sys/fs/cgroup/cpu/{place}cpu.cfs_period_us"))
        if quota > 0 and period > 0:
            quotas.append(quota / period)
    return max(1, int(min(quotas))) if quotas else 0


def _group_places(surface: Surface, controller: str = "") -> list[str]:
    """Folders of the control groups of the process, from its own up to the root, as ``a/b/``."""
    own = ""
    for line in surface.read("proc/self/cgroup").splitlines():
        _, names, path = [*line.split(":", 2), "", ""][:3]
        if controller in names.split(","):
            own = path.strip("/")
    parts = own.split("/") if own else []
    return ["".join(f"{part}/" for part in parts[:count]) for count in range(len(parts), -1, -1)]


def _slurm_memory(surface: Surface) -> int:
    """What a Slurm job ordered on this node, bytes; Slurm counts in MiB."""
    variables = surface.variables
    per_node = _number(variables.get("SLURM_MEM_PER_NODE", ""))
    per_core = _number(variables.get("SLURM_MEM_PER_CPU", ""))
    cores = _number(variables.get("SLURM_CPUS_ON_NODE", "")) or 1
    return (per_node or per_core * cores) * MEBIBYTE


def _number(text: str) -> int:
    """A whole number, 0 where there is none (``max``)."""
    text = text.strip()
    return int(text) if text.isdigit() else 0

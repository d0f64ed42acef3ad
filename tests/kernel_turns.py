"""Kernels are compiled by one of several processes; the others wait for it and load what it has kept."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any

from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher


def compile_in_turn(folder: Path) -> None:
    """Compile a kernel only while no other process does that has called this with the same folder."""
    compile_ = Dispatcher.compile
    mine: set[Path] = set()

    def compile_alone(self: Any, signature: Any) -> Any:
        lock = folder / f"{self.py_func.__module__}.{self.py_func.__qualname__}"
        # The compiler first: a thread that has it may need this kernel, for one that calls it.
        with global_compiler_lock:
            if lock in mine:  # it calls itself
                return compile_(self, signature)
            with lock.open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                mine.add(lock)
                try:
                    return compile_(self, signature)
                finally:
                    mine.remove(lock)

    Dispatcher.compile = compile_alone

"""A bounded cache of array chunks that many threads share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

Chunk = TypeVar("Chunk", bound=NDArray[Any])


class ChunkCache(Generic[Chunk]):
    """The chunks used last, within a number of bytes; each is made by one thread while others wait for it."""

    def __init__(self, make: Callable[[tuple[int, int]], Chunk], max_bytes: int) -> None:
        self._make = make
        self._max_bytes = max_bytes
        self._bytes = 0
        self._lock = threading.Lock()
        self._entries: OrderedDict[tuple[int, int], Future[Chunk]] = OrderedDict()

    def get(self, key: tuple[int, int]) -> Chunk:
        """The chunk, from the cache or made now."""
        with self._lock:
            future = self._entries.get(key)
            mine = future is None
            if future is None:
                future = self._entries[key] = Future()
            self._entries.move_to_end(key)
        if mine:
            self._fulfil(key, future)
        return future.result()

    def is_in_the_making(self, key: tuple[int, int]) -> bool:
        """Whether a thread is making this chunk right now."""
        with self._lock:
            future = self._entries.get(key)
            return future is not None and not future.done()

    def _fulfil(self, key: tuple[int, int], future: Future[Chunk]) -> None:
        """Make a chunk for everybody who waits; a failure is not kept."""
        try:
            chunk = self._make(key)
        except BaseException as error:
            with self._lock:
                self._entries.pop(key, None)
            future.set_exception(error)
            return
        future.set_result(chunk)
        with self._lock:
            self._bytes += chunk.nbytes
            self._evict(key)

    def _evict(self, newest: tuple[int, int]) -> None:
        """Drop finished chunks, the longest unused first, but never the one just made."""
        for key in [k for k, entry in self._entries.items() if k != newest and entry.done()]:
            if self._bytes <= self._max_bytes:
                return
            self._bytes -= self._entries.pop(key).result().nbytes

    def clear(self) -> None:
        """Forget every finished chunk."""
        with self._lock:
            for key in [k for k, entry in self._entries.items() if entry.done()]:
                self._bytes -= self._entries.pop(key).result().nbytes

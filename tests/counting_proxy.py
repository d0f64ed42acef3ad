"""A TCP proxy in a process of its own that counts what comes back from a server, and that can be taken away.

It cannot be a thread of the tests: rasterio holds the interpreter's lock while it opens a remote raster.
"""

from __future__ import annotations

import mmap
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Proxy:
    """A running proxy: the port to talk to, and the file that holds its count."""

    port: int
    count: Path

    @property
    def received(self) -> int:
        """Bytes that came back from the server so far."""
        return int.from_bytes(self.count.read_bytes(), "little")


@contextmanager
def counting_proxy(server_port: int, count: Path) -> Iterator[Proxy]:
    """Run a proxy before a server; afterwards nothing answers at its port."""
    count.write_bytes(bytes(8))
    command = [sys.executable, __file__, str(server_port), str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield Proxy(int(process.stdout.readline()), count)
        finally:
            process.kill()


def _serve(server_port: int, count: Path) -> None:
    with count.open("r+b") as file, mmap.mmap(file.fileno(), 8) as total:
        lock = threading.Lock()

        def copy(source: socket.socket, target: socket.socket, is_counted: bool) -> None:
            with suppress(OSError):
                while data := source.recv(1 << 16):
                    if is_counted:
                        with lock:
                            total[:] = (int.from_bytes(total[:], "little") + len(data)).to_bytes(8, "little")
                    target.sendall(data)
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)

        listener = socket.create_server(("127.0.0.1", 0))
        print(listener.getsockname()[1], flush=True)
        threading.Thread(target=_stop_with_parent, daemon=True).start()
        while True:
            here, _ = listener.accept()
            there = socket.create_connection(("127.0.0.1", server_port))
            for arguments in ((here, there, False), (there, here, True)):
                threading.Thread(target=copy, args=arguments, daemon=True).start()


def _stop_with_parent() -> None:
    import os

    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), Path(sys.argv[2]))

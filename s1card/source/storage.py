"""Files on disk and objects in an S3 store, under one small set of functions.

A location is a local path or ``s3://bucket/key``. Lists and small files go through boto3; rasters are read by GDAL
(``gdal_path``, inside ``rasterio.Env(**gdal_options())``) or by ranges (``read_range``): only the bytes needed.

The usual environment says where the objects are: ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
``AWS_SESSION_TOKEN``, ``AWS_PROFILE``, ``AWS_REGION`` or ``AWS_DEFAULT_REGION``, ``AWS_NO_SIGN_REQUEST=YES`` for public
buckets, and for stores other than Amazon's ``AWS_S3_ENDPOINT=host:port`` (with ``AWS_HTTPS=NO`` for http) or
``AWS_ENDPOINT_URL=https://host:port``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from s1card.errors import DataError, NetworkError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SCHEME = "s3://"
_VSI_S3 = "/vsis3/"
_DEFAULT_REGION = "us-east-1"
_TRUE, _FALSE = ("YES", "TRUE", "ON", "1"), ("NO", "FALSE", "OFF", "0")
_ABSENT = ("404", "NoSuchKey", "NoSuchBucket", "NotFound", "416", "InvalidRange")
_REFUSED = ("401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken")

_CREDENTIALS = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_NO_SIGN_REQUEST=YES for a public bucket"
)
_SERVICE = "Check AWS_S3_ENDPOINT or AWS_ENDPOINT_URL and the network, then try again"


@dataclass(frozen=True)
class S3Settings:
    """Where objects are kept and who asks, as the environment says it.

    Attributes:
        endpoint: ``host`` or ``host:port`` of a store that is not Amazon's, else empty.
        is_secure: Whether it is spoken to by https.
        region: Region that requests are signed for.
        is_signed: Whether requests are signed at all.
        identity: What else tells one caller from another, so that changed credentials make a new client.
    """

    endpoint: str
    is_secure: bool
    region: str
    is_signed: bool
    identity: tuple[str, ...] = ()

    @property
    def url(self) -> str | None:
        """Address of the store, None for Amazon's."""
        return f"{'https' if self.is_secure else 'http'}://{self.endpoint}" if self.endpoint else None


def s3_settings(environment: Mapping[str, str] = os.environ) -> S3Settings:
    """What the environment says about S3."""
    names = ("AWS_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    address = next((environment[name] for name in names if environment.get(name)), "")
    scheme, separator, host = address.rpartition("://")
    is_secure = (
        scheme.lower() != "http" if separator else environment.get("AWS_HTTPS", "YES").upper() not in _FALSE
    )
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or _DEFAULT_REGION
    is_signed = environment.get("AWS_NO_SIGN_REQUEST", "").upper() not in _TRUE
    who = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE")
    identity = tuple(environment.get(name, "") for name in who)
    return S3Settings(host.rstrip("/"), is_secure, region, is_signed, identity)


def gdal_options() -> dict[str, str]:
    """Options of ``rasterio.Env`` with which GDAL reaches the same objects; credentials it takes from the environment.

    They hold for one thread.
    """
    settings = s3_settings()
    options = {
        # Neighbours of a file are asked for one by one: a folder of a thousand cards is never listed.
        "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
        "GDAL_HTTP_MAX_RETRY": "4",
        "GDAL_HTTP_RETRY_DELAY": "0.5",
        "GDAL_HTTP_CONNECTTIMEOUT": "10",
        "GDAL_HTTP_LOW_SPEED_TIME": "30",
        "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
        "AWS_REGION": settings.region,
    }
    if settings.endpoint:
        options |= {
            "AWS_S3_ENDPOINT": settings.endpoint,
            "AWS_HTTPS": "YES" if settings.is_secure else "NO",
            "AWS_VIRTUAL_HOSTING": "FALSE",
        }
    return options | ({} if settings.is_signed else {"AWS_NO_SIGN_REQUEST": "YES"})


def is_remote(location: str) -> bool:
    """Whether a location is in an object store."""
    return location.startswith(SCHEME)


def join(location: str, *names: str) -> str:
    """The location of something below a folder or prefix; ``./`` and ``..`` are resolved."""
    head, path = _split_scheme(location)
    joined = os.path.normpath(os.path.join(path or ".", *names))  # noqa: PTH118 - keys are no paths of this system
    return head + joined


def parent(location: str) -> str:
    """The folder or prefix that something lies in."""
    head, path = _split_scheme(location.rstrip("/"))
    return head + str(PurePosixPath(path).parent if head else Path(path).parent)


def base_name(location: str) -> str:
    """The last part of a location."""
    return (
        PurePosixPath(_split_scheme(location)[1].rstrip("/")).name
        if is_remote(location)
        else _local_name(location)
    )


def gdal_path(location: str) -> str:
    """What GDAL opens: ``/vsis3/bucket/key`` for an object, else the path itself."""
    return _VSI_S3 + location.removeprefix(SCHEME) if is_remote(location) else location


def location_of(raster: str) -> str:
    """The location of a raster that is named as `gdal_path` names it."""
    return SCHEME + raster.removeprefix(_VSI_S3) if raster.startswith(_VSI_S3) else raster


def read_bytes(location: str) -> bytes:
    """A whole small file.

    Raises:
        DataError: There is none, or it cannot be read.
        NetworkError: The service does not answer, or refuses.
    """
    if not is_remote(location):
        with _local_errors(location):
            return Path(location).read_bytes()
    bucket, key = _split(location)
    with _remote_errors(location):
        return _client(s3_settings()).get_object(Bucket=bucket, Key=key)["Body"].read()


def read_range(location: str, start: int, size: int) -> bytes:
    """Bytes ``start .. start + size - 1`` of a file.

    Raises:
        DataError: There is no such file, or it ends before.
        NetworkError: The service does not answer, or refuses.
    """
    if is_remote(location):
        bucket, key = _split(location)
        span = f"bytes={start}-{start + size - 1}"
        with _remote_errors(location):
            data = _client(s3_settings()).get_object(Bucket=bucket, Key=key, Range=span)["Body"].read()
    else:
        with _local_errors(location), Path(location).open("rb") as stream:
            stream.seek(start)
            data = stream.read(size)
    if len(data) != size:
        raise DataError(
            f"the file ends before byte {start + size}",
            subject=location,
            advice="It is incomplete: fetch or make it again",
        )
    return data


def file_size(location: str) -> int:
    """Size of a file, bytes.

    Raises:
        DataError: There is none.
        NetworkError: The service does not answer, or refuses.
    """
    if not is_remote(location):
        with _local_errors(location):
            return Path(location).stat().st_size
    bucket, key = _split(location)
    with _remote_errors(location):
        return int(_client(s3_settings()).head_object(Bucket=bucket, Key=key)["ContentLength"])


def list_names(location: str) -> list[str]:
    """Names of what lies in a folder or under a prefix, sorted; names of folders end with ``/``.

    An empty or missing prefix of an object store has no names.

    Raises:
        DataError: The local folder, or the bucket, does not exist.
        NetworkError: The service does not answer, or refuses.
    """
    if not is_remote(location):
        with _local_errors(location):
            return sorted(
                f"{entry.name}/" if entry.is_dir() else entry.name for entry in Path(location).iterdir()
            )
    bucket, key = _split(location, needs_key=False)
    prefix = f"{key.rstrip('/')}/" if key else ""
    names: set[str] = set()
    with _remote_errors(location):
        pages = _client(s3_settings()).get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, Delimiter="/"):
            names.update(entry["Prefix"].removeprefix(prefix) for entry in page.get("CommonPrefixes", []))
            names.update(entry["Key"].removeprefix(prefix) for entry in page.get("Contents", []))
    return sorted(names - {""})


def is_folder(location: str) -> bool:
    """Whether a location is a folder, or a prefix under which there is something.

    Raises:
        DataError: The bucket does not exist.
        NetworkError: The service does not answer, or refuses.
    """
    if not is_remote(location):
        return Path(location).is_dir()
    bucket, key = _split(location, needs_key=False)
    prefix = f"{key.rstrip('/')}/" if key else ""
    with _remote_errors(location):
        page = _client(s3_settings()).list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    return bool(page.get("KeyCount", len(page.get("Contents", []))))


def is_file(location: str) -> bool:
    """Whether a location is a file or an object.

    Raises:
        NetworkError: The service does not answer, or refuses.
    """
    try:
        return (is_remote(location) or Path(location).is_file()) and file_size(location) >= 0
    except DataError:
        return False


def exists(location: str) -> bool:
    """Whether there is a file or folder, an object or something under a prefix.

    Raises:
        NetworkError: The service does not answer, or refuses.
    """
    return is_file(location) or is_folder(location)


def _split_scheme(location: str) -> tuple[str, str]:
    return (SCHEME, location.removeprefix(SCHEME)) if is_remote(location) else ("", location)


def _local_name(location: str) -> str:
    path = Path(location)
    return path.name or path.resolve().name


def _split(location: str, *, needs_key: bool = True) -> tuple[str, str]:
    """Bucket and key of an object."""
    bucket, _, key = location.removeprefix(SCHEME).partition("/")
    if not bucket or (needs_key and not key):
        raise UsageError("not the address of an object", subject=location, advice="Write s3://bucket/key")
    return bucket, key


@lru_cache(maxsize=8)
def _client(settings: S3Settings) -> S3Client:
    """A client; it may be used by several threads."""
    import boto3  # noqa: PLC0415 - slow to import, and of no use for local files
    from botocore import UNSIGNED  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    options: dict[str, Any] = {} if settings.is_signed else {"signature_version": UNSIGNED}
    config = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"max_attempts": 4, "mode": "standard"},
        s3={"addressing_style": "path" if settings.endpoint else "auto"},
        max_pool_connections=32,
        **options,
    )
    # A session of our own: boto3's default one is not made for several threads.
    return boto3.session.Session().client(
        "s3", endpoint_url=settings.url, region_name=settings.region, config=config
    )


@contextmanager
def _local_errors(location: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise DataError("does not exist", subject=location, advice="Check the path") from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", subject=location) from error


@contextmanager
def _remote_errors(location: str) -> Iterator[None]:
    """What boto3 and urllib3 raise, as errors of ours."""
    from botocore.exceptions import (  # noqa: PLC0415 - loaded with boto3
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        PartialCredentialsError,
        ProfileNotFound,
    )

    try:
        yield
    except ClientError as error:
        raise _answered(error, location) from error
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
        raise NetworkError(
            f"the object store needs credentials: {error}", subject=location, advice=_CREDENTIALS
        ) from error
    except (BotoCoreError, OSError, ValueError) as error:
        raise NetworkError(
            f"the object store does not answer: {error}", subject=location, advice=_SERVICE
        ) from error


def _answered(error: Any, location: str) -> DataError | NetworkError:
    """The error for an answer of the service that is not what was asked for."""
    details = error.response.get("Error", {})
    code = str(details.get("Code", ""))
    if code in ("416", "InvalidRange"):
        return DataError(
            "the file ends before", subject=location, advice="It is incomplete: fetch or make it again"
        )
    if code in _ABSENT:
        what = "the bucket does not exist" if code == "NoSuchBucket" else "no such object"
        return DataError(what, subject=location, advice="Check bucket and key")
    if code in _REFUSED:
        return NetworkError(f"access refused ({code})", subject=location, advice=_CREDENTIALS)
    return NetworkError(
        f"the object store failed ({code} {details.get('Message', '')})", subject=location, advice=_SERVICE
    )

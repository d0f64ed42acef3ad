from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from s3_server import BUCKET, S3Server, running_s3, set_environment

from s1card.errors import DataError, NetworkError, UsageError
from s1card.source import storage
from s1card.source.storage import s3_settings

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        for key in ("cards/a/a.json", "cards/a/a_VV.tif", "cards/b/b.json", "cards/readme", "cardsmore/x"):
            server.put(key, f"content of {key}".encode())
        yield server


@pytest.fixture
def s3(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    set_environment(server, monkeypatch)
    return server


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same small tree on disk and in the object store."""
    if request.param == "s3":
        request.getfixturevalue("s3")
        return f"s3://{BUCKET}"
    for key in ("cards/a/a.json", "cards/a/a_VV.tif", "cards/b/b.json", "cards/readme", "cardsmore/x"):
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {key}")
    return str(tmp_path)


def test_what_is_read_and_listed(root: str) -> None:
    cards = storage.join(root, "cards")
    assert storage.list_names(cards) == ["a/", "b/", "readme"]
    assert storage.list_names(f"{cards}/a/") == ["a.json", "a_VV.tif"]
    item = storage.join(cards, "a", "./a.json")
    assert storage.read_bytes(item) == b"content of cards/a/a.json"
    assert storage.read_range(item, 8, 2) == b"of"
    assert storage.file_size(item) == 25
    assert storage.is_file(item)
    assert not storage.is_folder(item)
    assert storage.is_folder(cards)
    assert not storage.is_file(cards)
    assert storage.exists(item)
    assert storage.exists(cards)
    assert not storage.exists(f"{root}/card")
    assert storage.base_name(item) == "a.json"
    assert storage.base_name(f"{cards}/") == "cards"
    assert storage.parent(item) == f"{cards}/a"


def test_what_is_missing(root: str) -> None:
    for call in (storage.read_bytes, storage.file_size):
        with pytest.raises(DataError, match=r"none\.json: .*(does not exist|no such object)") as caught:
            call(f"{root}/cards/none.json")
        assert "Check" in caught.value.advice
    with pytest.raises(DataError, match="ends before"):
        storage.read_range(f"{root}/cards/readme", 10, 100)
    with pytest.raises(DataError, match="ends before"):
        storage.read_range(f"{root}/cards/readme", 10_000, 10)


def test_paths_for_gdal() -> None:
    assert storage.gdal_path("s3://bucket/a/b.tif") == "/vsis3/bucket/a/b.tif"
    assert storage.location_of("/vsis3/bucket/a/b.tif") == "s3://bucket/a/b.tif"
    assert storage.gdal_path("/a/b.tif") == storage.location_of("/a/b.tif") == "/a/b.tif"
    assert storage.join("s3://bucket/a", "../b", "c.tif") == "s3://bucket/b/c.tif"
    with pytest.raises(UsageError, match="s3://bucket/key"):
        storage.read_bytes("s3://bucket")


def test_gdal_reads_the_objects_that_boto3_lists(s3: S3Server, tmp_path: Path) -> None:
    values = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", height=64, width=64, count=1, dtype="float32",
                       crs="EPSG:32633", transform=rasterio.Affine(10, 0, 3e5, 0, -10, 5e6)) as target:  # fmt: skip
        target.write(values, 1)
    location = s3.put("rasters/a b.tif", (tmp_path / "a.tif").read_bytes())
    with rasterio.Env(**storage.gdal_options()), rasterio.open(storage.gdal_path(location)) as source:
        np.testing.assert_array_equal(source.read(1), values)


def test_wrong_credentials(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    for call in (storage.read_bytes, storage.file_size, storage.list_names, storage.exists):
        with pytest.raises(NetworkError, match=r"access refused.*AWS_ACCESS_KEY_ID"):
            call(f"s3://{BUCKET}/cards/readme")


def test_no_such_bucket(s3: S3Server) -> None:
    with pytest.raises(DataError, match="bucket"):
        storage.list_names("s3://no-such-bucket/cards")


def test_a_service_that_does_not_answer(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_S3_ENDPOINT", "127.0.0.1:9")
    with pytest.raises(NetworkError, match=r"does not answer.*AWS_S3_ENDPOINT"):
        storage.read_bytes(f"s3://{BUCKET}/cards/readme")


def test_no_credentials_at_all(s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(NetworkError, match=r"needs credentials.*AWS_NO_SIGN_REQUEST"):
        storage.read_bytes(f"s3://{BUCKET}/cards/readme")


@pytest.mark.parametrize(
    ("environment", "url", "region"),
    [
        ({}, None, "us-east-1"),
        ({"AWS_S3_ENDPOINT": "host:9000", "AWS_HTTPS": "NO"}, "http://host:9000", "us-east-1"),
        ({"AWS_S3_ENDPOINT": "host", "AWS_REGION": "waw3-1"}, "https://host", "waw3-1"),
        ({"AWS_ENDPOINT_URL": "http://host:1/"}, "http://host:1", "us-east-1"),
        (
            {"AWS_ENDPOINT_URL": "https://a", "AWS_ENDPOINT_URL_S3": "https://b", "AWS_DEFAULT_REGION": "x"},
            "https://b",
            "x",
        ),
    ],
)
def test_what_the_environment_says(environment: dict[str, str], url: str | None, region: str) -> None:
    settings = s3_settings(environment)
    assert (settings.url, settings.region, settings.is_signed) == (url, region, True)
    assert not s3_settings({"AWS_NO_SIGN_REQUEST": "yes"}).is_signed

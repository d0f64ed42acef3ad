"""The folder store: the contract of stores, and what is its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from store_contract import StoreContract

from s1card.store import Store
from s1card.store.folder import FolderStore


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(place: Path) -> Store:
    return FolderStore(str(place))


@pytest.fixture
def reopened(place: Path) -> Callable[[], Store]:
    return lambda: FolderStore(str(place))


class TestFolderStore(StoreContract):
    """Everything that every store does."""

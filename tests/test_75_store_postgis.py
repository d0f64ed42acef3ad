from __future__ import annotations

from collections.abc import Callable

import pytest
from postgres_server import database_url, postgres
from store_contract import StoreContract

from s1card.store import Store, open_store
from s1card.store.postgis import PostgisStore

__all__ = ["database_url", "postgres"]


class TestContract(StoreContract):
    @pytest.fixture
    def store(self, database_url: str) -> Store:
        return open_store(database_url)

    @pytest.fixture
    def reopened(self, database_url: str) -> Callable[[], Store]:
        return lambda: PostgisStore(database_url)

"""Where statistics live: a folder of Parquet files, or PostGIS."""

from s1card.store.base import Store


def open_store(url: str) -> Store:
    """The store at a place; it need not exist before `Store.init`.

    Args:
        url: A folder, or ``postgresql://user@host/database?schema=name`` (schema ``public`` by default).

    Raises:
        UsageError: The address is no store's, or the packages of the extra ``store`` are missing.
    """
    if url.startswith(("postgresql://", "postgres://")):
        from s1card.store.postgis import PostgisStore  # noqa: PLC0415 - needs psycopg

        return PostgisStore(url)
    from s1card.store.folder import FolderStore  # noqa: PLC0415 - needs duckdb

    return FolderStore(url)

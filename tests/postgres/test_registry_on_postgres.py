"""The registry on PostgreSQL: the laws of any registry, and what only a server can do."""

from __future__ import annotations

import pytest
from cluster import Cluster
from registry_laws import *  # noqa: F403 # the tests themselves

from poisonguard.errors import IntegrityError, UsageError
from poisonguard.store.registry import Registry, open_registry, registry_url


@pytest.fixture
def registry(server: Cluster) -> Registry:
    made = Registry(registry_url(server.create("laws")))
    made.create()
    return made


def test_a_registry_opens_by_url(registry: Registry, server: Cluster) -> None:
    assert open_registry(server.url("laws")).identity == registry.identity


def test_a_database_without_registry_is_refused(server: Cluster) -> None:
    with pytest.raises(IntegrityError, match="is damaged"):
        open_registry(server.create("empty"))


@pytest.mark.parametrize("password", ["wrong", None])
def test_who_is_not_let_in_is_told_how_without_the_password(
    server: Cluster, password: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSFILE", "/dev/null")
    with pytest.raises(UsageError) as caught:
        open_registry(server.url("laws", password=password))
    assert "password" in caught.value.message
    assert "wrong" not in caught.value.message
    assert "\n" not in caught.value.message


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=r"127\.0\.0\.1:1") as caught:
        open_registry("postgresql+psycopg://me:secret@127.0.0.1:1/registry")
    assert "secret" not in caught.value.message + caught.value.hint


def test_a_reader_cannot_write(registry: Registry) -> None:
    from registry_world import SCRIBE, statement

    from poisonguard.store.registry import Writer

    with pytest.raises(UsageError, match="read-only"), registry.read() as reader:
        Writer(reader.connection).append([statement(b"x")], SCRIBE)


def test_an_asynchronous_commit_is_made_synchronous(registry: Registry) -> None:
    from sqlalchemy import text

    def setting(reader: object) -> str:
        return str(reader.connection.execute(text("SHOW synchronous_commit")).scalar())  # type: ignore[attr-defined] # Reader

    for given, held in (("off", "on"), ("on", "on"), ("remote_apply", "remote_apply")):
        url = registry.url.update_query_dict({"options": f"-c synchronous_commit={given}"})
        with Registry(url).read() as reader:
            assert setting(reader) == given
        with Registry(url).write() as writer:
            assert setting(writer) == held

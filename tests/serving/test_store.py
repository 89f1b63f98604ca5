import threading
import time
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text, update

from tamperscope.errors import InvalidParameter, OutputError
from tamperscope.serving.store import Analysis, Base, Store, new_id, open_store


def queued(store: Store, *names: str) -> list[str]:
    entries: list[dict[str, Any]] = [
        {"id": new_id(), "name": name, "size": 1, "detectors": ["ela"], "salvage": False} for name in names
    ]
    store.add(entries)
    return [entry["id"] for entry in entries]


def status(store: Store, name: str) -> str:
    found = store.get(name)
    assert found
    return found.status


def expire(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(update(Analysis).values(lease=time.time() - 1))


def test_migrations_make_the_tables_that_the_code_knows(store: Store) -> None:
    with store.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert not [one for one in differences if one[0] != "remove_table"]


def test_a_database_is_opened_again_with_what_it_holds(database: str) -> None:
    first = open_store(database)
    (name,) = queued(first, "a.jpg")
    second = open_store(database)
    assert status(second, name) == "queued"
    for one in (first, second):
        one.engine.dispose()


def test_the_oldest_is_claimed_first_and_ends_with_its_record(store: Store) -> None:
    names = queued(store, "a.jpg", "b.jpg")
    claimed = store.claim("w")
    assert claimed
    assert (claimed.id, claimed.status, claimed.attempts) == (names[0], "running", 1)
    assert store.finish(names[0], "w", {"sha256": "\u0000é"}, None, verdict="no evidence", score=0.25)
    found = store.get(names[0])
    assert found
    assert (found.status, found.verdict, found.score) == ("done", "no evidence", 0.25)
    assert found.record == {"sha256": "\u0000é"}
    assert store.counts() == {"done": 1, "queued": 1}


def test_none_is_begun_before_it_came(store: Store) -> None:
    """A claim may wait for the database while what it gets is being queued, and clocks may be set back."""
    queued(store, "a.jpg")
    with store.engine.begin() as connection:
        connection.execute(update(Analysis).values(created=Analysis.created + 5))
    claimed = store.claim("w")
    assert claimed
    assert claimed.started == claimed.created


def test_each_is_claimed_once_however_many_claim(store: Store) -> None:
    names = queued(store, *map(str, range(40)))
    got: list[str] = []

    def claim(worker: str) -> None:
        while found := store.claim(worker):
            got.append(found.id)

    threads = [threading.Thread(target=claim, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(names)


def test_what_a_lost_worker_had_begun_waits_again_and_its_own_end_counts_for_nothing(store: Store) -> None:
    (name,) = queued(store, "a.jpg")
    assert store.claim("lost")
    store.release("lost")
    assert status(store, name) == "queued"
    assert store.claim("other")
    assert not store.finish(name, "lost", {}, None)
    assert store.finish(name, "other", {}, None)
    assert not store.finish(name, "other", None, "again")
    assert status(store, name) == "done"


def test_nothing_heard_of_a_worker_frees_its_analysis_unless_it_lives(store: Store) -> None:
    (name,) = queued(store, "a.jpg")
    assert store.claim("w")
    store.sweep()
    assert status(store, name) == "running"
    expire(store)
    store.renew("w")
    store.sweep()
    assert status(store, name) == "running"
    expire(store)
    store.sweep()
    assert status(store, name) == "queued"


def test_what_kills_its_workers_fails_after_three_attempts(store: Store) -> None:
    (name,) = queued(store, "bomb.jpg")
    for attempt in range(3):
        claimed = store.claim("w")
        assert claimed
        assert claimed.attempts == attempt + 1
        store.release("w")
    assert store.claim("w") is None
    found = store.get(name)
    assert found
    assert found.status == "failed"
    assert found.error
    assert "crashed" in found.error


def test_restarts_that_are_nobodys_fault_count_for_nothing(store: Store) -> None:
    (key,) = queued(store, "long.jpg")
    for _ in range(5):
        claimed = store.claim("w")
        assert claimed
        assert claimed.attempts == 1
        store.release("w", blamed=False)
    assert status(store, key) == "queued"


def test_what_is_given_up_has_failed(store: Store) -> None:
    (key,) = queued(store, "slow.jpg")
    store.claim("w")
    store.abandon("w", "too slow")
    assert status(store, key) == "failed"
    assert store.waiting() == 0


def test_a_database_of_a_newer_version_is_refused(database: str) -> None:
    store = open_store(database)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.engine.dispose()
    with pytest.raises(OutputError, match="older than its tables"):
        open_store(database)


def test_names_are_searched_by_what_they_hold_not_by_patterns(store: Store) -> None:
    queued(store, "Holiday 100%.jpg", "holiday_2.jpg", "other.jpg")
    assert [one.name for one in store.find("holiday", most=9)] == ["holiday_2.jpg", "Holiday 100%.jpg"]
    assert [one.name for one in store.find("100%", most=9)] == ["Holiday 100%.jpg"]
    assert [one.name for one in store.find("_", most=9)] == ["holiday_2.jpg"]
    assert not store.find("\0nothing", most=9)
    newest = store.find(most=1)[0]
    assert [one.name for one in store.find(before=newest.created, most=9)] == [
        "holiday_2.jpg",
        "Holiday 100%.jpg",
    ]
    assert not store.find(status="done", most=9)


def test_the_deleted_is_gone_for_its_worker_too(store: Store) -> None:
    (name,) = queued(store, "a.jpg")
    store.claim("w")
    assert store.delete(name)
    assert not store.delete(name)
    assert not store.finish(name, "w", {}, None)
    assert store.get(name) is None


def test_the_old_is_named(store: Store) -> None:
    old, _ = queued(store, "old.jpg", "young.jpg")
    store.claim("w")
    store.finish(old, "w", {}, None)
    assert store.expired(-1) == [old]
    assert store.expired(3600) == []


@pytest.mark.parametrize("url", ["nonsense", "oracle+nothing://x", "sqlite+nothing:///x"])
def test_a_url_that_means_nothing_is_wrong_usage(url: str) -> None:
    with pytest.raises(InvalidParameter, match="database"):
        open_store(url)


@pytest.mark.parametrize("url", ["sqlite:////no/such/folder/x.sqlite", "postgresql+pg8000://a@127.0.0.1:1/x"])
def test_a_database_that_cannot_be_reached_is_an_error(url: str) -> None:
    with pytest.raises(OutputError, match="database"):
        open_store(url)

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from collections_made import uris
from tamperscope.cluster.stores import Local
from tamperscope.cluster.tables import FAILURES, RESULTS, Seen, encode, keys, part_name, read_index
from tamperscope.errors import CorruptFile

NOW = datetime.now(timezone.utc)
BLANK = {
    "sha256": "",
    "bytes": 0,
    "format": "",
    "width": 0,
    "height": 0,
    "score": None,
    "record": "{}",
    "seconds": 0.0,
    "version": "",
}


def row(uri: str, identity: str = "1", **facts: Any) -> dict[str, Any]:
    return {**BLANK, "uri": uri, "identity": identity, "verdict": "no evidence", **facts}


def failure(uri: str) -> dict[str, Any]:
    return {"uri": uri, "error": "Defect", "problem": "", "remedy": "", "attempted": NOW}


@given(some.lists(some.lists(some.integers(0, 60))))
def test_seen_remembers_as_a_set_does(pieces: list[list[int]]) -> None:
    seen, known = Seen(), set[int]()
    for piece in pieces:
        fresh = seen.new(keys(map(str, piece)))
        expected = []
        for number in piece:
            expected.append(number not in known)
            known.add(number)
        assert fresh.tolist() == expected


def test_an_index_tells_where_rows_are_and_whether_files_changed(tmp_path: Path) -> None:
    (tmp_path / "part-1.parquet").write_bytes(
        encode([row("a", judged=True, top=0.5), row("b", "2")], RESULTS)
    )
    (tmp_path / "part-2.parquet").write_bytes(encode([row("c", judged=False)], RESULTS))
    index = read_index(Local(), str(tmp_path), RESULTS)
    a, none, b, c = index.find(keys(["a", "none", "b", "c"])).tolist()
    assert none == -1
    assert [index.same(a, "1"), index.same(b, "1"), index.same(b, "2"), index.same(c, None)] == [
        True,
        False,
        True,
        False,
    ]
    assert index.flags[[a, b, c]].tolist() == [True, True, False]
    np.testing.assert_array_equal(index.tops[[a, b, c]], [0.5, np.nan, np.nan])
    index.drop([a, c])
    assert uris(tmp_path.parent, tmp_path.name) == ["b"]
    assert [path.name for path in tmp_path.iterdir()] == ["part-1.parquet"]
    index.drop([c])


def test_repeated_rows_are_mended(tmp_path: Path) -> None:
    (tmp_path / "part-1.parquet").write_bytes(encode([failure("a"), failure("b")], FAILURES))
    (tmp_path / "part-2.parquet").write_bytes(encode([failure("b"), failure("c")], FAILURES))
    index = read_index(Local(), str(tmp_path), FAILURES)
    assert len(index.keys) == 3
    assert uris(tmp_path.parent, tmp_path.name) == ["a", "b", "c"]


def test_tables_that_are_not_there_or_damaged(tmp_path: Path) -> None:
    assert not len(read_index(Local(), str(tmp_path / "none"), RESULTS).keys)
    assert not len(read_index(Local(), str(tmp_path), RESULTS).keys)
    (tmp_path / "part-1.parquet").write_bytes(b"PAR1")
    with pytest.raises(CorruptFile, match=r"part-1\.parquet.*remove the damaged file"):
        read_index(Local(), str(tmp_path), RESULTS)


def test_a_part_is_named_after_its_run_and_photos() -> None:
    names = {part_name(run, batch) for run in ("1", "2") for batch in (["a", "b"], ["ab"], ["b", "a"])}
    assert len(names) == 6
    assert part_name("1", ["a"]) == part_name("1", ["a"])


def test_keys_with_zeros_at_their_end_are_found() -> None:
    many = keys(map(str, range(3000)))
    assert any(bytes(key.ljust(16, b"\0"))[-1] == 0 for key in many)
    seen = Seen()
    assert seen.new(many).all()
    assert not seen.new(np.flip(many)).any()

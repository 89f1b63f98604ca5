"""What a check finds, in the API and on the command line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from dataset_trees import TREES, put, put_mask, write_manifest
from photos import crop, encode
from tamperscope import plugins
from tamperscope.cli import app
from tamperscope.datasets import open_dataset
from tamperscope.datasets._check import Finding, check
from tamperscope.errors import Defect

run = CliRunner()


def findings(root: Path, name: str = "mine") -> dict[str, Finding]:
    return {one.text: one for one in check(open_dataset(name, root))}


def entry(name: str, label: int, **more: str) -> dict[str, str]:
    return {"dataset": "mine", "label": str(label), "image": name, "group": name, "split": "test", **more}


def test_a_sound_set_has_nothing_but_facts(tmp_path: Path) -> None:
    TREES["manifest"](tmp_path)
    assert {one.severity for one in findings(tmp_path).values()} == {"info"}


def test_published_counts_are_compared(tmp_path: Path) -> None:
    TREES["carvalho"](tmp_path)
    assert findings(tmp_path, "carvalho")["1 manipulated photographs instead of 100"].severity == "warning"


def test_unreadable_photos_and_bad_masks_are_listed_with_their_reasons(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", 1)
    (tmp_path / "b.jpg").write_bytes(put(tmp_path / "b.jpg", 2).read_bytes()[:200])
    put(tmp_path / "c.jpg", 3)
    put_mask(tmp_path / "wide.png", shape=(48, 70))
    write_manifest(tmp_path, [entry("a.jpg", 1), entry("b.jpg", 0), entry("c.jpg", 1, mask="wide.png")])
    found = findings(tmp_path)
    assert found["1 cannot be read"].severity == "error"
    assert "b.jpg" in found["1 cannot be read"].names[0]
    masks = found["2 have no mask that can be used"]
    assert masks.severity == "error", "nobody but the user can mend them"
    assert "no mask" in masks.names[0]
    assert "70x48" in masks.names[1]


def test_odd_masks_are_named(tmp_path: Path) -> None:
    rows = []
    for name, level in (("empty", 0), ("full", 255), ("second", 255)):
        put(tmp_path / f"{name}.jpg", level + len(name))
        (tmp_path / f"{name}.png").write_bytes(encode(np.full((48, 64), level, np.uint8)))
        rows.append(entry(f"{name}.jpg", 1, mask=f"{name}.png"))
    write_manifest(tmp_path, rows)
    found = findings(tmp_path)
    nothing = found["1 are manipulated, but their masks mark nothing"]
    assert (nothing.severity, nothing.names) == ("error", ("empty.jpg",))
    assert found["2 have masks that mark everything"].names == ("full.jpg", "second.jpg")
    assert found["2 have masks that mark more than half: are black and white swapped?"].severity == "warning"


def test_a_single_large_mask_is_named_but_no_alarm(tmp_path: Path) -> None:
    rows = []
    for name, level in (("one", 255), ("two", 0), ("three", 0)):
        put(tmp_path / f"{name}.jpg", level + len(name))
        pixels = np.full((48, 64), level, np.uint8)
        pixels[0, 0] = 255 - level
        (tmp_path / f"{name}.png").write_bytes(encode(pixels))
        rows.append(entry(f"{name}.jpg", 1, mask=f"{name}.png"))
    write_manifest(tmp_path, rows)
    large = findings(tmp_path)["1 have masks that mark more than half"]
    assert (large.severity, large.names) == ("info", ("one.jpg",))


def test_duplicates_and_cut_groups_are_errors(tmp_path: Path) -> None:
    data = put(tmp_path / "a.jpg", 1).read_bytes()
    for name in ("b.jpg", "c.jpg"):
        (tmp_path / name).write_bytes(data)
    put_mask(tmp_path / "m.png")
    rows = [
        entry("a.jpg", 1, mask="m.png"),
        entry("b.jpg", 0),
        entry("c.jpg", 0, split="train", group="a.jpg"),
    ]
    write_manifest(tmp_path, rows)
    found = findings(tmp_path)
    assert found["3 are the same file with both labels"].severity == "error"
    assert found["3 are the same file in several splits"].severity == "error"
    assert found["1 groups of shared source are cut by the splits"].names == ("a.jpg", "c.jpg")


@pytest.mark.parametrize(("quality", "severity"), [(60, "warning"), (90, "info")])
def test_classes_saved_differently_are_a_trap(tmp_path: Path, quality: int, severity: str) -> None:
    rows = []
    for number in range(4):
        pixels = crop(48, 64) ^ np.uint8(number)
        name = f"{number}.jpg"
        (tmp_path / name).write_bytes(encode(pixels, "JPEG", quality=quality if number % 2 else 90))
        rows.append(entry(name, number % 2, mask="m.png" if number % 2 else ""))
    put_mask(tmp_path / "m.png")
    write_manifest(tmp_path, rows)
    (trap,) = (one for text, one in findings(tmp_path).items() if "were saved like" in text)
    assert trap.severity == severity
    assert ("only equalized" in trap.text) == (severity == "warning")


def test_every_data_set_is_listed_with_source_terms_and_counts() -> None:
    listed = run.invoke(app, ["datasets"]).output
    as_json = json.loads(run.invoke(app, ["datasets", "--json"]).output)
    assert list(as_json) == list(plugins.names("datasets"))
    for name, card in as_json.items():
        assert f"{name}: {card['title']}" in listed
        assert card["url"] in listed
        assert card["terms"] in listed
    assert "921 manipulated, 800 pristine" in listed


def test_a_broken_plugin_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    load = plugins.load

    def broken(kind: str, name: str) -> type[Any]:
        if name == "casia1":
            raise Defect("it cannot be loaded", "repair it")
        return load(kind, name)

    monkeypatch.setattr(plugins, "load", broken)
    listed = run.invoke(app, ["datasets"])
    assert listed.exit_code == 0
    assert "it cannot be loaded; repair it" in listed.stderr
    assert "casia2: " in listed.stdout


def test_a_data_set_is_shown_with_its_faults_and_fields() -> None:
    shown = run.invoke(app, ["datasets", "show", "carvalho"]).output
    assert "masks are black where manipulated: inverted" in shown
    assert "field part: DSO-1 or DSI-1 (default: DSO-1)" in shown
    assert run.invoke(app, ["datasets", "show", "carvalo"]).exit_code == 2


def test_the_command_checks(tmp_path: Path) -> None:
    TREES["manifest"](tmp_path)
    good = run.invoke(app, ["datasets", "check", "mine", str(tmp_path)])
    assert good.exit_code == 0
    assert "info: 1 manipulated photographs" in good.output
    for number in range(8):
        (tmp_path / f"x{number}.jpg").write_bytes(b"no")
    rows = [entry(f"x{number}.jpg", 0) for number in range(8)]
    write_manifest(tmp_path, rows)
    bad = run.invoke(app, ["datasets", "check", "mine", str(tmp_path), "--workers", "2"])
    assert bad.exit_code == 1
    assert "error: 8 cannot be read" in bad.output
    assert "and 3 more" in bad.output
    listed = run.invoke(app, ["datasets", "check", "mine", str(tmp_path), "--json"])
    assert listed.exit_code == 1
    assert len(json.loads(listed.output)[2]["names"]) == 8


def test_a_wrong_root_is_one_line_and_a_wrong_name_wrong_usage(tmp_path: Path) -> None:
    wrong = run.invoke(app, ["datasets", "check", "casia1", str(tmp_path)])
    assert wrong.exit_code == 1
    assert wrong.output.startswith(f"{tmp_path}: no folder of forgeries; expected below the root: ")
    assert run.invoke(app, ["datasets", "check", "casia9", str(tmp_path)]).exit_code == 2

from pathlib import Path

import numpy as np
from typer.testing import CliRunner

import photos
from tamperscope.cli import app
from tamperscope.demo import make


def test_the_twins_differ_in_the_pasted_part_alone(tmp_path: Path) -> None:
    forged, pristine = (photos.decode_pixels(path.read_bytes()).astype(int) for path in make(tmp_path))
    differs = np.abs(forged - pristine).max(axis=2) > 40
    rows, columns = np.nonzero(differs)
    assert 0.02 < differs.mean() < 0.3
    assert rows.min() > 130
    assert columns.min() > 310


def test_the_demonstration_shows_what_it_promises(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path / "demo")])
    assert result.exit_code == 0, result.output
    forged, pristine = (line for line in result.output.splitlines() if "fusion:" in line)
    assert "fusion: manipulated" in forged
    assert "fusion: no evidence" in pristine or "fusion: cannot tell" in pristine
    named = [Path(line.strip()) for line in result.output.splitlines() if line.startswith("  ")]
    assert len(named) == 4
    assert all(path.stat().st_size > 1000 for path in named)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path / "file")])
    assert result.exit_code == 1
    assert "cannot be written" in result.output


def test_files_of_the_same_name_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "pristine.jpg").write_text("mine")
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "another file has this name" in result.output
    assert (tmp_path / "pristine.jpg").read_text() == "mine"
    assert not (tmp_path / "forged.jpg").exists()

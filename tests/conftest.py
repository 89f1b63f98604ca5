"""Fixtures that several tests share."""

from pathlib import Path

import pytest
from hypothesis import settings

import photos

# A machine that does other work as well is slower: that is no fault of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a forged JPEG, its pristine twin and a PNG."""
    (tmp_path / "forged.jpg").write_bytes(photos.spliced()[0])
    (tmp_path / "pristine.jpg").write_bytes(photos.resaved())
    (tmp_path / "plain.png").write_bytes(photos.encode(photos.crop(64, 96)))
    return tmp_path

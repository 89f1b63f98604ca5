"""One small forged data set."""

from pathlib import Path

import pytest

from forging import write_photos
from tamperscope.forge.batch import forge_all
from tamperscope.forge.recipe import Recipe


@pytest.fixture(scope="session")
def forged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 photographs, JPEG and PNG, a third of them pristine, all in split "test"."""
    folder = tmp_path_factory.mktemp("forged")
    photos = sorted(write_photos(folder / "photos", 6).iterdir())
    recipe = Recipe(pristine=0.35, final_jpeg=0.8, area=(0.05, 0.2))
    forge_all(photos, folder / "set", 24, seed=2, size=160, recipe=recipe)
    manifest = folder / "set" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("forged,,", "forged,test,"))
    return folder / "set"

import hashlib
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close

from tamperscope.errors import CorruptFile, MissingWeights
from tamperscope.io.published import check, tensors


def published(folder: Path, *, right: bool = True) -> SimpleNamespace:
    """Weights as torchvision publishes them, at an address on this machine."""
    torch.manual_seed(5)
    torch.save(torch.nn.Linear(3, 2).state_dict(), folder / "draft.pth")
    digest = hashlib.sha256((folder / "draft.pth").read_bytes()).hexdigest()
    name = f"linear-{digest[:8] if right else '00000000'}.pth"
    (folder / "draft.pth").rename(folder / name)
    address = (folder / name).as_uri()
    return SimpleNamespace(
        url=address,
        get_state_dict=lambda **options: torch.hub.load_state_dict_from_url(address, **options),
    )


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


def test_they_are_fetched_once(tmp_path: Path, own_cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = published(tmp_path)
    first = tensors(weights)
    (tmp_path / own_cache.joinpath(weights.url.rpartition("/")[2]).name).unlink()
    second = tensors(weights)
    assert_close(first["weight"], second["weight"])
    assert capsys.readouterr().out == ""  # standard output is for results


def test_what_was_not_published_is_refused(tmp_path: Path, own_cache: Path) -> None:
    with pytest.raises(MissingWeights, match=r"published weights cannot be had.*put it at"):
        tensors(published(tmp_path, right=False))
    weights = published(tmp_path)
    kept = own_cache / weights.url.rpartition("/")[2]
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(b"another pickle")
    with pytest.raises(CorruptFile, match="not what was published"):
        tensors(weights)


def test_a_given_file_is_taken_if_it_holds_tensors_only(tmp_path: Path) -> None:
    weights = published(tmp_path)
    torch.save({"weight": torch.ones(2)}, tmp_path / "own.pth")
    assert_close(tensors(weights, tmp_path / "own.pth")["weight"], torch.ones(2))
    torch.save({"weight": Path("x")}, tmp_path / "own.pth")
    with pytest.raises(CorruptFile, match="more than tensors"):
        tensors(weights, tmp_path / "own.pth")
    with pytest.raises(MissingWeights, match="cannot be read"):
        tensors(weights, tmp_path / "none.pth")


def test_a_digest_in_the_name_of_what_a_link_leads_to_is_checked(tmp_path: Path) -> None:
    """As Hugging Face keeps files: a link by the name, to a file called by its SHA-256."""
    digest = hashlib.sha256(b"weights").hexdigest()
    (tmp_path / digest).write_bytes(b"weights")
    (tmp_path / "model.safetensors").symlink_to(tmp_path / digest)
    assert check(tmp_path / "model.safetensors") == digest
    (tmp_path / digest).write_bytes(b"others")
    with pytest.raises(CorruptFile, match="not what was published"):
        check(tmp_path / "model.safetensors")

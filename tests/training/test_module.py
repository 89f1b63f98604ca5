from typing import Any, ClassVar

import pytest
import torch
from sklearn.metrics import roc_auc_score

from tamperscope.networks._base import Network, Prediction
from tamperscope.training.config import Training
from tamperscope.training.module import PatchModule, _area


def test_the_area_is_that_of_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = (torch.rand(5000, generator=generator) < 0.3).long()
    heat = (torch.rand(5000, generator=generator) + 0.3 * truth).clamp(0, 1)
    assert _area(heat, truth) == pytest.approx(roc_auc_score(truth, heat), abs=1e-3)


def test_one_sort_alone_has_no_area() -> None:
    assert _area(torch.rand(4), torch.zeros(4).long()) is None


def batch_of(sources: list[int], good: list[bool], photos: int = 12) -> dict[str, object]:
    """A photo of each kind many times over: half of its 16 pixels are manipulated, found or mistaken."""
    count = photos * len(sources)
    mask = torch.zeros(count, 4, 4, dtype=torch.long)
    mask[:, :2] = 1
    turned = torch.tensor(good * photos)
    pixels = torch.where(turned[:, None, None], mask, 1 - mask).float()[:, None].expand(-1, 3, -1, -1)
    return {
        "pixels": pixels,
        "mask": mask,
        "label": torch.ones(count, dtype=torch.long),
        "photo": torch.arange(count),
        "source": torch.tensor(sources * photos),
        "skipped": [],
        "failed": False,
    }


def log_of(module: PatchModule, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let the module run without a trainer; return what it will log."""
    logged: dict[str, Any] = {}
    monkeypatch.setattr(module, "log", lambda name, value, **_: logged.__setitem__(name, value))
    monkeypatch.setattr(module, "all_gather", lambda tensor: tensor)
    return logged


class Copying(Network):
    """Predicts what it is given."""

    variants: ClassVar[dict[str, dict[str, Any]]] = {"": {}}

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, *inputs: torch.Tensor) -> Prediction:
        logit = self.scale * inputs[0][:, 0]
        return Prediction(torch.stack([-logit, logit], dim=1), None)


@pytest.mark.parametrize(("worst", "expected"), [(False, 0.5), (True, 0.0)])
def test_weights_may_be_chosen_by_the_worst_data_set(
    worst: bool, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = PatchModule(Copying(), Training(choose="worst" if worst else "mean"), ["bad", "good"])
    logged = log_of(module, monkeypatch)
    with torch.no_grad():
        module.validation_step(batch_of([0, 1], [False, True]))
    module.on_validation_epoch_end()
    assert logged["val_auc"] == pytest.approx(expected)
    assert (logged["val_bad_auc"], logged["val_good_auc"]) == pytest.approx((0, 1))


def test_few_photographs_decide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    module = PatchModule(Copying(), Training(choose="worst"), ["few", "many"])
    logged = log_of(module, monkeypatch)
    with torch.no_grad():
        module.validation_step(batch_of([0], [False], photos=9))
        module.validation_step(batch_of([1], [True], photos=10))
    module.on_validation_epoch_end()
    assert logged["val_auc"] == pytest.approx(1)
    assert "val_few_auc" not in logged

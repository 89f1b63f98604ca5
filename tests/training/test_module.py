import pytest
import torch
from sklearn.metrics import roc_auc_score

from tamperscope.training.module import _STEPS, _area


def test_the_area_is_that_of_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = (torch.rand(5000, generator=generator) < 0.3).long()
    heat = (torch.rand(5000, generator=generator) + 0.3 * truth).clamp(0, 1)
    place = truth * _STEPS + (heat * (_STEPS - 1)).round().long()
    counts = torch.bincount(place, minlength=2 * _STEPS).reshape(2, _STEPS).float()
    assert float(_area(*counts)) == pytest.approx(roc_auc_score(truth, heat), abs=1e-3)


def test_one_sort_alone_has_no_area() -> None:
    assert float(_area(torch.ones(4), torch.zeros(4))) == 0.5

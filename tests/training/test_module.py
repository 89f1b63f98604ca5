import pytest
import torch
from sklearn.metrics import roc_auc_score

from tamperscope.training.module import _area


def test_the_area_is_that_of_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    truth = (torch.rand(5000, generator=generator) < 0.3).long()
    heat = (torch.rand(5000, generator=generator) + 0.3 * truth).clamp(0, 1)
    assert _area(heat, truth) == pytest.approx(roc_auc_score(truth, heat), abs=1e-3)


def test_one_sort_alone_has_no_area() -> None:
    assert _area(torch.rand(4), torch.zeros(4).long()) is None

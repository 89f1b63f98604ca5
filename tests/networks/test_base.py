import pytest
import torch
from torch.testing import assert_close

from tamperscope.networks._base import Balance, Prediction, Truth, disagreement
from tamperscope.networks.conv_lstm import ConvLstm

LOG2 = torch.log(torch.tensor(2.0))


def example() -> tuple[Prediction, Truth]:
    """Two patches: a mask that knows nothing, labels with logits of 1 for manipulated; one of them is."""
    mask, label = torch.zeros(2, 2, 64, 64), torch.zeros(2, 2)
    label[:, 1] = 1
    true = torch.zeros(2, 64, 64, dtype=torch.long)
    true[0, :32] = 1
    return Prediction(mask, label), Truth(true, torch.tensor([1, 0]))


def test_what_is_manipulated_weighs_more() -> None:
    prediction, truth = example()
    right, wrong = torch.log1p(torch.exp(torch.tensor(-1.0))), torch.log1p(torch.exp(torch.tensor(1.0)))
    expected = (5 * right + wrong) / 6  # of the label: a mean weighted by W_s = 5 and W_n = 1
    assert_close(ConvLstm().loss(prediction, truth, Balance(manipulated=5)), LOG2 + expected)


def test_beta_weighs_the_mask() -> None:
    prediction, truth = example()
    label = ConvLstm().loss(Prediction(None, prediction.label), truth)
    assert_close(ConvLstm().loss(prediction, truth, Balance(mask=10)), 10 * LOG2 + label)


def test_the_smooth_term_is_the_distance_of_mean_mask_and_label() -> None:
    prediction, truth = example()
    manipulated = torch.sigmoid(torch.tensor(1.0))
    assert prediction.mask is not None
    assert prediction.label is not None
    assert_close(disagreement(prediction.mask, prediction.label), manipulated - 0.5)
    plain, drawn = (ConvLstm().loss(prediction, truth, Balance(agreement=weight)) for weight in (0.0, 2.0))
    assert_close(drawn - plain, 2 * (manipulated - 0.5))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_smooth_term_draws_both_together(sign: float) -> None:
    mask = torch.zeros(1, 2, 8, 8, requires_grad=True)
    label = torch.tensor([[0.0, sign]], requires_grad=True)
    disagreement(mask, label).backward()  # type: ignore[no-untyped-call]
    assert mask.grad is not None
    assert label.grad is not None
    assert (mask.grad[:, 1] * sign < 0).all()  # downhill, the mask rises towards the label
    assert label.grad[0, 1] * sign > 0

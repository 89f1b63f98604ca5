import pytest
import torch
from torch.testing import assert_close

from tamperscope.networks._base import Prediction, Truth
from tamperscope.networks.fusion import Fusion, Judgement, _scene


def given(count: int = 2, height: int = 64, width: int = 96) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(0)
    return (
        torch.rand(count, 3, height, width, generator=random),
        torch.randint(0, 21, (count, height, width), generator=random),
        torch.randint(1, 60, (count, 8, 8), generator=random).float(),
        torch.ones(count),
    )


def judged(prediction: Prediction) -> Judgement:
    assert isinstance(prediction, Judgement)
    return prediction


def test_shapes_are_those_of_the_crop_and_of_its_blocks() -> None:
    network = Fusion().eval()
    features, fine = network.look(*given())
    assert features.shape == (2, 100, 8, 12)  # of both streams, and what the scene shows
    assert fine.shape == (2, 16, 16, 24)
    found = judged(network(*given()))
    assert found.mask is not None
    assert found.label is not None
    assert found.mask.shape == (2, 2, 64, 96)
    assert found.label.shape == (2, 2)
    assert found.trust.shape == found.blocks.shape == (2, 8, 12)


@pytest.mark.parametrize("stage", [6, 42])
def test_features_and_masks_depend_on_what_is_near_alone(stage: int) -> None:
    """What tiles rely on: nothing beyond that many blocks changes a place, but the summary."""
    network = Fusion().eval()
    size = 8 * (2 * stage + 3)
    inputs = given(1, 24, size)
    changed = [one.clone() for one in inputs]
    changed[0][..., : size // 2 - 8 * (stage + 1)] = 0.5
    changed[1][..., : size // 2 - 8 * (stage + 1)] = 0
    first, second = network.look(*inputs), network.look(*changed)
    if stage == 42:
        summary = network.summary(first[0])
        one, other = (judged(network.judge(*seen, *summary)) for seen in (first, second))
        assert one.mask is not None
        assert other.mask is not None
        assert_close(one.mask[..., size // 2 :], other.mask[..., size // 2 :])
        assert_close(one.trust[..., size // 16 + 1 :], other.trust[..., size // 16 + 1 :])
        assert not torch.equal(one.mask, other.mask)
    else:
        assert_close(first[0][..., size // 16 + 1 :], second[0][..., size // 16 + 1 :])
        assert_close(first[1][..., size // 8 + 2 :], second[1][..., size // 8 + 2 :])
        assert not torch.equal(first[0], second[0])


def test_what_is_left_out_does_not_count() -> None:
    inputs = given()
    for without, place, maps in (
        ("history", 1, slice(None)),
        ("noise", 0, slice(96)),
        ("scene", 0, slice(96, None)),
    ):
        network = Fusion(without=without).eval()
        changed = [one.clone() for one in inputs]
        changed[place] = torch.zeros_like(changed[place])
        one, other = network.look(*inputs), network.look(*changed)
        assert_close(one[0][:, maps], other[0][:, maps])
        if without != "scene":  # of which nothing is in the finer maps
            assert_close(one[1], other[1])


def test_training_leaves_out_at_most_one_of_the_streams() -> None:
    torch.manual_seed(0)
    there = Fusion(absent=0.3).train()._present(torch.zeros(4000, 3, 8, 8))[:, :, 0, 0, 0]
    assert (there.sum(0) >= 2).all()
    assert there.mean(1).tolist() == pytest.approx([0.7, 0.7, 0.7], abs=0.03)
    assert (Fusion(absent=0.3).eval()._present(torch.zeros(9, 3, 8, 8)) == 1).all()


def test_a_magnitude_means_what_its_step_makes_of_it() -> None:
    network = Fusion().eval()
    pixels, levels, table, stored = given()
    features = network.look(pixels, levels, table, stored)[0]
    assert not torch.allclose(features, network.look(pixels, levels, 2 * table, stored)[0], atol=1e-4)
    assert not torch.allclose(features, network.look(pixels, levels, table, 0 * stored)[0], atol=1e-4)


def test_the_scene_is_seen_as_means_and_spread_of_blocks() -> None:
    pixels = torch.full((1, 3, 8, 16), 0.5)
    pixels[..., 8:] = torch.arange(8.0) / 7
    flat, steep = _scene(pixels)[0, :, 0].T
    assert flat[:3].tolist() == pytest.approx([0, 0, 0])
    assert steep[:3].tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert flat[3] < -0.9 < 0.4 < steep[3] < 1


def test_trust_is_asked_for_the_probability_of_the_truth_and_leaves_the_mask_alone() -> None:
    logit = torch.full((1, 2, 16, 16), 0.0)
    logit[:, 1, :, 8:] = 3.0
    mask = torch.zeros(1, 16, 16, dtype=torch.long)
    mask[:, :8] = 1
    truth = Truth(mask, torch.ones(1, dtype=torch.long))
    right = torch.sigmoid(torch.tensor(3.0))
    wanted = torch.tensor([[[0.5, right], [0.5, 1 - right]]])
    losses = []
    for trust in (wanted.logit(), wanted.logit() + 0.3, wanted.logit() - 0.3):
        losses.append(Fusion().loss(Judgement(logit, None, trust=trust, blocks=trust), truth))
    assert losses[0] < min(losses[1:])
    network = Fusion()
    found = judged(network(*given()))
    found.trust.sum().backward()  # type: ignore[no-untyped-call]
    assert network.join[0].weight.grad is None


def test_a_mask_that_fits_costs_less() -> None:
    mask = torch.zeros(1, 16, 16, dtype=torch.long)
    mask[:, :4, :4] = 1
    truth = Truth(mask, torch.ones(1, dtype=torch.long))
    good = torch.stack([torch.zeros(1, 16, 16), 12.0 * mask - 6], dim=1)
    trust = torch.zeros(1, 2, 2)
    fits, inverted = (
        Fusion().loss(Judgement(one, None, trust=trust, blocks=trust), truth)
        for one in (good, good * torch.tensor(-1.0))
    )
    assert fits + 1 < inverted

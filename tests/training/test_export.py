import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

import photos
from framed import unframed
from networks_made import card, write_published
from tamperscope import plugins
from tamperscope.cli import app
from tamperscope.detectors._onnx import NetworkCard, open_weights
from tamperscope.errors import CorruptFile, InvalidParameter, TrainingFailed
from tamperscope.io.decode import decode
from tamperscope.networks._base import Prediction
from tamperscope.networks.conv_lstm import ConvLstm
from tamperscope.networks.semi_global import SemiGlobal
from tamperscope.training import calibrate as calibrating
from tamperscope.training import export as exporting
from tamperscope.training.data import Photographs, open_splits
from tamperscope.training.export import PARITY, _checked_draft, export, to_onnx, with_card
from tamperscope.training.folder import load_weights
from tamperscope.training.run import build_network, train
from tamperscope.training.start import scale
from training_made import EVERY, TINY, made_batch, write_set


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Photographs]]:
    """A finished run, and the photographs of its splits."""
    folder = tmp_path_factory.mktemp("run")
    splits = open_splits(str(write_set(folder)), None, 0, ("train", "val", "test"))
    train("conv_lstm", splits["train"], splits["val"], TINY, folder / "run")
    return folder / "run", splits


@pytest.mark.parametrize(("name", "variant"), EVERY)
def test_onnx_says_what_pytorch_says(name: str, variant: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = build_network(name, variant).eval()
    scale(network, network.inputs(made_batch(network.sight)))  # or it hardly tells patches apart
    model = exporting.with_card(to_onnx(network), NetworkCard(name, variant, "0", "pixels", "MIT"))
    (tmp_path / "network.onnx").write_bytes(model)
    trained = open_weights(tmp_path / "network.onnx", name)
    inputs = network.examples()
    for count in (1, 2):
        given = {name: values[:count] for name, values in inputs.items()}
        with torch.no_grad():
            expected = network.answers(*given.values())
        found = trained.run(**{name: values.numpy() for name, values in given.items()})
        assert set(found) == set(expected)
        for output, values in expected.items():
            assert output in ("edge", "fine") or found[output].std() > 1e-6 or found[output].size == 1
            assert np.abs(found[output] - values.numpy()).max() <= PARITY


@pytest.mark.parametrize("name", ["semi_global", "mfcn", "fusion"])
def test_what_is_trained_can_be_exported_and_scans(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = plugins.load("networks", name)
    monkeypatch.setattr(kind, "sight", replace(kind.sight, side=64, least=0))  # the photographs are small
    splits = open_splits(str(write_set(tmp_path)), None, 0, ("train", "val"))
    options = replace(TINY, variant="", epochs=1, batch=2, per_photo=1, validation=2)
    train(name, splits["train"], splits["val"], options, tmp_path / "run")
    export(tmp_path / "run", tmp_path / "made.onnx", splits, {"made": "free"})
    detector = plugins.build("detectors", name, weights=str(tmp_path / "made.onnx"))
    photo = decode(splits["val"].samples[0].image)
    assert detector.localize(photo).heatmap.shape == (photo.height, photo.width)


def test_training_goes_on_from_what_was_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = plugins.load("networks", "mfcn")
    monkeypatch.setattr(kind, "sight", replace(kind.sight, side=64, least=0))  # the photographs are small
    splits = open_splits(str(write_set(tmp_path)), None, 0, ("train", "val"))
    options = replace(TINY, variant="", epochs=1, batch=2, per_photo=1, validation=2)
    first, second = tmp_path / "first", tmp_path / "second"
    weights = train("mfcn", splits["train"], splits["val"], options, first)
    card = export(first, tmp_path / "made.onnx", splits, {"made": "free"})
    network = build_network("mfcn")
    load_weights(network, tmp_path / "made.onnx")
    for name, values in load_file(weights).items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(network.state_dict()[name], values), name
    begun = replace(options, start=str(tmp_path / "made.onnx"))
    train("mfcn", splits["train"], splits["val"], begun, second)
    after = export(second, tmp_path / "again.onnx", splits, {"made": "free"})
    assert after.data[0]["start"] == card.data[0]["train"] == after.data[0]["train"]
    assert after.learned == card.learned


@pytest.mark.parametrize("name", ["fusion", "conv_lstm", "semi_global", "wcbnet", "resnet"])
def test_the_file_holds_all_that_learning_needs(name: str, tmp_path: Path) -> None:
    network, other = build_network(name), build_network(name)
    with torch.no_grad():
        for values in network.parameters():
            values.add_(torch.rand_like(values))
    (tmp_path / "network.onnx").write_bytes(to_onnx(network))
    load_weights(other, tmp_path / "network.onnx")
    for name, values in network.state_dict().items():
        assert torch.equal(other.state_dict()[name], values), name


def test_files_that_do_not_hold_what_was_learned_are_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.onnx").write_bytes(b"odd")
    (tmp_path / "lstm.onnx").write_bytes(to_onnx(build_network("conv_lstm")))
    for name, file in (("fusion", "odd.onnx"), ("conv_lstm", "odd.onnx"), ("fusion", "lstm.onnx")):
        with pytest.raises(CorruptFile, match="its weights cannot be used"):
            load_weights(build_network(name), tmp_path / file)


@pytest.mark.parametrize("variant", ["light", "resnet18"])
def test_what_was_exported_of_one_network_begins_another(
    variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the Conv-LSTM network learned is what the local branch begins with; the photo is nothing yet."""
    monkeypatch.setattr(SemiGlobal, "pretrain", lambda _: None)  # ImageNet's weights
    local, network = build_network("conv_lstm"), build_network("semi_global", variant)
    (tmp_path / "lstm.onnx").write_bytes(to_onnx(local))
    load_weights(network, tmp_path / "lstm.onnx")
    state = network.state_dict()
    for name, values in local.state_dict().items():
        assert torch.equal(state[name][:, : values.shape[-1]] if values.ndim == 2 else state[name], values)
    assert not state["classify.weight"][:, local.state_dict()["classify.weight"].shape[1] :].any()


def test_the_card_is_in_the_file(made: tuple[Path, dict[str, Photographs]], tmp_path: Path) -> None:
    run, splits = made
    said = export(run, tmp_path / "network.onnx", splits, {"made": "free"})
    metadata = {entry.key: entry.value for entry in onnx.load(tmp_path / "network.onnx").metadata_props}
    card = json.loads(metadata["tamperscope"])
    assert card == json.loads(said.dumps())
    assert card["variant"] == "LSTM-64h"
    assert card["training"]["learning_rate"] == 3e-3
    (data,) = card["data"]
    assert (data["name"], data["terms"], sum(data["train"])) == ("made", "free", 6)
    assert "made: free" in card["licence"]
    digests = {hashlib.sha256(one.image.read_bytes()).hexdigest()[:16] for one in splits["train"].samples}
    assert set(card["learned"]) == digests
    assert 0 < card["threshold"] < 1
    assert set(card["metrics"]) == {"val", "test"}
    assert card["metrics"]["test"]["patches"] == 16 * card["metrics"]["test"]["photographs"] > 0
    assert 0 <= card["metrics"]["test"]["pixel_auc"] <= 1


def test_the_licence_names_every_set_with_its_terms(
    made: tuple[Path, dict[str, Photographs]], tmp_path: Path
) -> None:
    run, _ = made
    assert "made: not stated" in export(run, tmp_path / "network.onnx", {}).licence
    assert "made: research only" in export(run, tmp_path / "x.onnx", {}, {"made": "research only"}).licence
    with pytest.raises(InvalidParameter, match="terms of mad are given; choose from made"):
        export(run, tmp_path / "x.onnx", {}, {"mad": "research only"})


def test_only_the_photographs_of_the_run_count(
    made: tuple[Path, dict[str, Photographs]], tmp_path: Path
) -> None:
    run, splits = made
    renamed = tmp_path / "renamed.jpg"
    renamed.write_bytes(splits["train"].samples[0].image.read_bytes())
    other = replace(splits["test"].samples[0], name="renamed.jpg", image=renamed)
    for wrong in (
        {**splits, "test": Photographs(splits["test"].dataset, [other])},
        {**splits, "train": splits["val"]},
        {**splits, "val": Photographs(splits["val"].dataset, splits["val"].samples[1:])},
        {**splits, "test": splits["train"]},
    ):
        with pytest.raises(InvalidParameter, match=r"other photographs|learned from"):
            export(run, tmp_path / "network.onnx", wrong)
    assert not (tmp_path / "network.onnx").exists()


def test_a_network_that_differs_is_not_written(
    made: tuple[Path, dict[str, Photographs]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = made
    forward = ConvLstm.forward

    def shifted(network: ConvLstm, pixels: torch.Tensor) -> Prediction:
        found = forward(network, pixels)
        return replace(found, label=None if found.label is None else found.label + torch.tensor([0.0, 1.0]))

    model = to_onnx(build_network("conv_lstm", "LSTM-64h"))
    monkeypatch.setattr(exporting, "to_onnx", lambda network: model)
    monkeypatch.setattr(ConvLstm, "forward", shifted)
    with pytest.raises(TrainingFailed, match="differs from the trained one"):
        export(run, tmp_path / "network.onnx", {})
    assert not (tmp_path / "network.onnx").exists()


def test_an_unfinished_run_is_refused(made: tuple[Path, dict[str, Photographs]], tmp_path: Path) -> None:
    run, _ = made
    with pytest.raises(CorruptFile, match="no finished training run"):
        export(tmp_path, tmp_path / "network.onnx", {})
    for name in ("run.json", "split.csv"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    with pytest.raises(CorruptFile, match="not finished"):
        export(tmp_path, tmp_path / "network.onnx", {})
    save_file({"first.0.weight": torch.zeros(1)}, tmp_path / "network.safetensors")
    with pytest.raises(CorruptFile, match=r"network\.safetensors: its weights cannot be used"):
        export(tmp_path, tmp_path / "network.onnx", {})


def command(*words: object) -> tuple[int, str]:
    found = CliRunner().invoke(app, [str(word) for word in words])
    return found.exit_code, found.output


def test_the_command_makes_what_a_scan_can_use(
    made: tuple[Path, dict[str, Photographs]], tmp_path: Path
) -> None:
    run, splits = made
    out = tmp_path / "network.onnx"
    code, said = command("export", run, "--out", out, "--data", run.parent / "set", "--terms", "made=free")
    assert code == 0, said
    assert "conv_lstm, LSTM-64h, threshold 0." in said
    photo = splits["test"].samples[0].image
    words = ["--detector", "conv_lstm", "--set", f"conv_lstm.weights={out}", "--out", tmp_path / "results"]
    code, said = command("scan", photo, *words)
    assert code in (0, 3), said
    record = json.loads((tmp_path / "results" / photo.stem / "result.json").read_text())
    (found,) = record["detections"]
    assert found["weights_digest"] == open_weights(out, "conv_lstm").digest
    assert found["threshold"] == open_weights(out, "conv_lstm").card.threshold


def test_the_mean_of_several_trainings_is_written(
    made: tuple[Path, dict[str, Photographs]], tmp_path: Path
) -> None:
    run, splits = made
    begun = tmp_path / "begun.onnx"
    export(run, begun, splits)
    second = replace(TINY, start=str(begun), seed=5)
    learned = Photographs(splits["train"].dataset, splits["train"].samples[1:])
    train("conv_lstm", learned, splits["val"], second, tmp_path / "second")
    others = [tmp_path / "second" / "network.safetensors", begun]
    words = [word for other in others for word in ("--with", other)]
    code, said = command("export", run, *words, "--out", tmp_path / "mean.onnx", "--data", run.parent / "set")
    assert code == 0, said
    found = build_network("conv_lstm", TINY.variant)
    load_weights(found, tmp_path / "mean.onnx")
    one, two = (load_file(folder / "network.safetensors") for folder in (run, tmp_path / "second"))
    for name, values in found.state_dict().items():
        torch.testing.assert_close(values, (2 * one[name] + two[name]) / 3)
    assert any(not torch.equal(one[name], two[name]) for name in one)
    card, plain = (open_weights(tmp_path / name, "conv_lstm").card for name in ("mean.onnx", "begun.onnx"))
    assert len(card.training["others"]) == 2
    assert card.learned == plain.learned
    (data,) = card.data
    assert data["train"] == data["start"] == list(plain.data[0]["train"])  # each counts once


def test_what_any_of_several_learned_from_is_not_tested_on(
    made: tuple[Path, dict[str, Photographs]], tmp_path: Path
) -> None:
    run, splits = made
    train("conv_lstm", splits["test"], splits["val"], TINY, tmp_path / "second")
    with pytest.raises(InvalidParameter, match="learned from"):
        export(run, tmp_path / "mean.onnx", splits, others=[tmp_path / "second" / "network.safetensors"])
    assert not (tmp_path / "mean.onnx").exists()


def test_further_pristine_photographs_need_a_run_that_spares_any(
    made: tuple[Path, dict[str, Photographs]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating, "_platt", lambda *_: (1.0, 0.0))  # two steps teach no score for certain
    run, splits = made
    out = tmp_path / "network.onnx"
    data = run.parent / "set"
    photos = data / "images"
    code, said = command("export", run, "--out", out, "--data", data, "--pristine", photos)
    assert code == 2
    assert "a run with marked or alarms above 0" in unframed(said)
    spares = replace(TINY, alarms=0.05)
    train("conv_lstm", splits["train"], splits["val"], spares, tmp_path / "sparing")
    with pytest.raises(InvalidParameter, match="pristine photograph is in the test split"):
        export(tmp_path / "sparing", out, splits, pristine=[splits["test"].samples[0].image])
    export(tmp_path / "sparing", out, splits, pristine=[splits["train"].samples[0].image])
    assert "nor of 1 further ones" in open_weights(out, "conv_lstm").card.calibrated


def test_without_photographs_it_says_what_is_missing(
    made: tuple[Path, dict[str, Photographs]], tmp_path: Path
) -> None:
    run, _ = made
    code, said = command("export", run, "--out", tmp_path / "network.onnx")
    assert code == 0
    assert "nothing is measured" in said
    assert command("export", tmp_path, "--out", tmp_path / "x.onnx")[0] == 1
    assert command("export", run, "--out", tmp_path / "x.onnx", "--terms", "made")[0] == 2


def test_published_weights_are_converted(tmp_path: Path) -> None:
    write_published(tmp_path / "published.h5")
    words = ["convert", "mantranet", str(tmp_path / "published.h5"), "--out", str(tmp_path / "m.onnx")]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 0, found.output
    assert "non-commercial" in found.output
    detector = plugins.build("detectors", "mantranet", weights=str(tmp_path / "m.onnx"))
    network = build_network("mantranet").eval()
    network.convert(tmp_path / "published.h5")
    photo = decode(photos.encode(photos.crop(57, 90)))
    with torch.no_grad():
        mask = network(torch.from_numpy(photo.pixels / np.float32(255)).permute(2, 0, 1)[None]).mask
    assert mask is not None
    expected = mask.softmax(1)[0, 1].numpy()
    assert expected.std() > 1e-6
    assert np.abs(detector.localize(photo).heatmap - expected).max() <= PARITY


@pytest.mark.parametrize(
    ("network", "content", "code", "said"),
    [
        ("mantranet", b"no HDF5", 1, "does not hold the published weights"),
        ("mantranet", None, 1, "there is no such file"),
        ("fcn", b"", 2, "no weights are published"),
        ("mantra", b"", 2, "mantranet"),
    ],
)
def test_what_cannot_be_converted_is_said(
    network: str, content: bytes | None, code: int, said: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "given.h5").write_bytes(content)
    words = ["convert", network, str(tmp_path / "given.h5"), "--out", str(tmp_path / "x.onnx")]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == code
    assert found.output.count("\n") == 1 or code == 2, "wrong usage has a frame around it"
    assert said in unframed(found.output)
    assert not (tmp_path / "x.onnx").exists()


def test_a_folder_is_no_file_to_write_or_to_convert(tmp_path: Path) -> None:
    assert "it is a folder" in command("convert", "mantranet", tmp_path, "--out", tmp_path / "x.onnx")[1]
    for words in (["convert", "mantranet", tmp_path / "x.h5"], ["export", tmp_path]):
        assert command(*words, "--out", tmp_path)[0] == 2, "known before the work begins"


def test_a_network_that_answers_no_numbers_is_not_written(tmp_path: Path) -> None:
    network = build_network("fcn")
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    held = card(network="fcn", variant="FCN")
    model = with_card(to_onnx(network), held)
    with pytest.raises(TrainingFailed, match="no numbers"), _checked_draft(network, model, "fcn"):
        pass

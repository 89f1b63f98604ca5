"""The page: complete, self-contained, safe, and honest about what is raw."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dataset_trees import put, put_mask, write_manifest
from evaluating import planned
from tamperscope import plugins
from tamperscope.evaluation.report import spelled
from tamperscope.evaluation.run import default_metrics, evaluate, plan


@pytest.fixture(scope="module")
def page(forged: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("report")
    wanted = planned(forged, "adjpeg", "ela", "auto", perturbations=["jpeg:90,70", "resize:0.75"])
    evaluate(wanted, out)
    return (out / "report.html").read_text()


class Outline(HTMLParser):
    """Collects tags, headings and what is loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attributes if name in ("src", "href", "xlink:href")]


def test_it_needs_no_other_file(page: str) -> None:
    outline = Outline()
    outline.feed(page)
    assert all(source.startswith(("data:image/webp;base64,", "#")) for source in outline.sources)
    assert "script" not in outline.tags
    assert "@import" not in page
    assert "url(http" not in page


def test_it_shows_everything(page: str) -> None:
    outline = Outline()
    outline.feed(page)
    assert page.lstrip().startswith("<!doctype html>")
    assert outline.tags.count("svg") >= 3 + 2 + 2 * 5  # ROC curves, scores, sweeps
    assert outline.tags.count("img") >= 6
    for heading in ("Numbers", "ROC curves", "Scores", "Robustness", "Examples", "How to read the numbers"):
        assert f"<h2>{heading}</h2>" in page
    for metric in default_metrics():
        assert metric.name in page
        assert metric.convention.replace("'", "&#39;") in page
    assert "(marks nothing)" in page
    assert "not applicable" in page


def test_image_level_numbers_are_named_raw(page: str) -> None:
    assert "Image-level numbers below are raw." in page
    assert not re.search(r"image_auc(?! \(raw\))</th>", page)


def test_names_from_a_data_set_cannot_break_the_page(tmp_path: Path) -> None:
    name = "<script>alert(1)<script>.jpg"
    put(tmp_path / "set" / name, 0, (64, 64))
    put_mask(tmp_path / "set" / "m.png", shape=(64, 64))
    write_manifest(
        tmp_path / "set",
        [
            {"dataset": "<b>x", "label": "1", "split": "test", "image": name, "mask": "m.png"},
            {"dataset": "<b>x", "label": "1", "split": "test", "image": "<i>none.jpg", "mask": "m.png"},
        ],
    )
    evaluate(
        plan("<b>x", tmp_path / "set", "test", {"noi": plugins.build("detectors", "noi")}), tmp_path / "out"
    )
    text = (tmp_path / "out" / "report.html").read_text()
    assert "&lt;script&gt;" in text
    assert "<script" not in text
    assert "<b>x" not in text
    assert "<i>none" not in text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ((None,), "undefined"),
        ((0.5,), ".500"),
        ((1.0, 0.9994, 1.0), "1.000 [.999, 1.000]"),
        ((-0.25, -0.5, 0.01), "-.250 [-.500, .010]"),
    ],
)
def test_numbers_are_spelled_as_in_papers(number: tuple[float, ...], text: str) -> None:
    assert spelled(*number) == text

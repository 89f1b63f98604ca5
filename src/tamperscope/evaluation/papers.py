"""The tables of the three papers: their numbers, and which of our detectors and metrics stand beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["PAPERS", "Column", "Row", "Table"]


@dataclass(frozen=True)
class Column:
    """A column of the paper: its heading, and the metric of ours for it.

    In a table whose networks are trained for it, the metric is one of `training.measure.Figures`, on patches.
    """

    heading: str
    metric: str


@dataclass(frozen=True)
class Row:
    """A method of the paper: its numbers by column, None where the paper has none.

    ``detector`` is its name here, with its refiner, and ``fields`` are the detector's. ``training`` are the
    fields that make a network, which is trained for the table; None where the detector is taken as it is.
    """

    label: str
    detector: str
    numbers: tuple[float | None, ...]
    training: Mapping[str, str | float] | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table of a paper; ``differences`` says how our protocol departs from the paper's.

    ``also`` are metrics of ours that the paper has not.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    differences: tuple[str, ...]
    also: tuple[str, ...] = ()

    @property
    def trained(self) -> bool:
        """Whether its networks are trained for it."""
        return any(row.training is not None for row in self.rows)

    @property
    def metrics(self) -> list[str]:
        """Our metrics that stand beside its columns, each once, and the others."""
        return list(dict.fromkeys([*(column.metric for column in self.columns), *self.also]))


_OUR_PATCHES = (
    "patches lie on a grid of 64x64 without overlap, instead of being drawn; the paper does not say how many "
    "it drew, nor how many were manipulated"
)
_LABELS = (
    "labels of patches are those of the detector's mask, by the rule of 12.5%, so that the CRF moves their "
    "accuracy; the paper's networks label patches themselves, which no CRF changes"
)
_DRAWN = (
    "ours are 16 patches of each manipulated photograph, half of them manipulated where it has both sorts: "
    "chance stands in the last row; the paper does not say how many it drew, nor how many were manipulated"
)
_RAW = (
    "ours are of files as they are, and of the same saved once more with a quality that is drawn, since how "
    "a set's classes were saved must not tell them apart"
)
_FEW = "ours had the budget of training that is printed above the table; the paper does not state its own"
_OUR_SPLIT = "splits keep photographs that share a source together; the paper's, drawn by photograph, do not"
_OUR_MEAN = "ours is the mean over manipulated photographs; the paper does not say how it averages"
_MASKS = "percentages of the paper are printed as shares"
_OUR_WAY = (
    "patches of ours overlap by half, their map is smoothed, and what is labelled pristine is left out of "
    "it, as our detectors do unless told otherwise; the paper lays patches side by side"
)
_CUN = (
    "the source has slides only, whose split adds up to 110%: ours is 65/10/25, without leaks",
    "the slides do not say at which threshold; ours is the one of the detector's card",
    _OUR_WAY,
    _OUR_MEAN,
)


def _shares(*percentages: float | None) -> tuple[float | None, ...]:
    return tuple(None if value is None else round(value / 100, 4) for value in percentages)


_SETS = ("NIST", "IEEE", "COVERAGE")
_PATCH_COLUMNS = tuple(Column(name, "patch_accuracy") for name in _SETS)
_PIXEL_COLUMNS = tuple(Column(name, "segmentation_accuracy") for name in _SETS)
_NIST_COLUMNS = (
    Column("NIST, patches", "patch_accuracy"),
    Column("NIST, pixels", "segmentation_accuracy"),
)
_BOTH_CURVES = tuple(
    Column(f"{name}, {what}", metric)
    for name in _SETS
    for what, metric in (("patches", "patch_auc"), ("pixels", "pixel_auc"))
)
_TRAINED = (
    _DRAWN,
    _RAW,
    _FEW,
    _OUR_SPLIT,
    "our columns of whole photographs, which the paper has not, are of the paper's post-processing: patches "
    "without overlap, gated by their labels",
    _MASKS,
)


def _variant(label: str, *percentages: float | None, name: str = "") -> Row:
    """Return the row of a variant of the Conv-LSTM network, under its own name unless it has another."""
    return Row(label, "conv_lstm", _shares(*percentages), {"variant": name or label})


_JOINT = "J-Conv-LSTM-Conv"
_AREAS = Row(_JOINT, "conv_lstm", (0.9390, 0.7641, 0.8938, 0.7238, 0.7238, 0.6137), {"variant": _JOINT})

_BAPPY = {
    "table1": Table(
        "Classification accuracy of patches",
        _PATCH_COLUMNS,
        (
            _variant("P-LSTM", 81.05, 84.27, 73.28),
            _variant("P-Conv-LSTM", 86.76, 86.05, 79.12),
            _variant(_JOINT, 89.38, 87.68, 80.06),
        ),
        _TRAINED,
    ),
    "table2": Table(
        "Segmentation accuracy",
        _PIXEL_COLUMNS,
        (
            Row("FCN", "fcn", _shares(64.34, None, None), {"variant": "FCN"}),
            _variant("S-LSTM-Conv34", 74.43, None, None),
            _variant("S-LSTM-Conv", 78.60, 74.04, 75.38),
            _variant("S-Conv-LSTM-Conv", 82.78, 74.32, 78.42),
            _variant(_JOINT, 84.60, 77.67, 81.14),
        ),
        _TRAINED,
    ),
    "table3": Table(
        "Size of the feature maps",
        _NIST_COLUMNS,
        (
            _variant("Conv1-8f", 82.90, 80.88),
            _variant("Conv1-32f", 78.03, 73.17),
            _variant("LSTM-64h", 80.56, 76.16),
            _variant(_JOINT, 89.38, 84.60),
        ),
        _TRAINED,
    ),
    "table4": Table(
        "Share of manipulated pixels above which a patch is manipulated",
        _NIST_COLUMNS,
        (
            Row("IoU-0.5", "conv_lstm", _shares(96.56, 75.32), {"variant": _JOINT, "least_share": 0.5}),
            _variant("IoU-0.125", 89.38, 84.60, name=_JOINT),
        ),
        _TRAINED,
    ),
    "table5": Table("Area under the ROC curves", _BOTH_CURVES, (_AREAS,), _TRAINED),
    "figure4": Table(
        "ROC curves (the paper's are pictures; its areas are those of table 5)",
        _BOTH_CURVES,
        (_AREAS,),
        _TRAINED,
    ),
    "table6": Table(
        "AUC of pixels, beside the state of the art",
        (Column("NIST", "pixel_auc"),),
        (
            Row("DCT histograms", "dct", (0.545,)),
            Row("ADJPEG", "adjpeg", (0.5891,)),
            Row("NADJPEG", "nadjpeg", (0.6567,)),
            Row("PatchMatch", "patchmatch", (0.6513,)),
            Row("Error level analysis", "ela", (0.4288,)),
            Row("Block features", "blk", (0.4785,)),
            Row("Noise inconsistencies", "noi", (0.4874,)),
            Row("J-Conv-LSTM-Conv", "conv_lstm", (0.7641,)),
        ),
        (
            "the paper measured on NIST NC2016, of high resolution; ours is on the sets that are given",
            "the paper does not say whether it averages photographs or pools pixels; ours averages",
            _OUR_WAY,
            "ours leaves out photographs that a method cannot be applied to, and says how many",
        ),
    ),
}

_SLIDES = ("NC2016", "Carvalho", "Columbia")
_CUN2018 = {
    "f1": Table(
        "F1 of pixels",
        tuple(Column(name, "pixel_f1@card") for name in _SLIDES),
        (
            Row("MFCN", "mfcn", (0.5707, 0.4795, 0.6117)),
            Row("Bappy et al.", "conv_lstm", (0.6242, 0.3102, 0.5270)),
            Row("semi-global, without CRF", "semi_global", (0.7174, 0.4236, 0.5956)),
            Row("semi-global", "semi_global+crf", (0.7900, 0.5006, 0.6482)),
        ),
        _CUN,
    ),
    "mcc": Table(
        "MCC of pixels",
        tuple(Column(name, "pixel_mcc@card") for name in _SLIDES),
        (
            Row("MFCN", "mfcn", (0.5703, 0.4074, 0.4792)),
            Row("Bappy et al.", "conv_lstm", (0.6257, 0.1882, 0.5074)),
            Row("semi-global, without CRF", "semi_global", (0.7101, 0.3309, 0.5557)),
            Row("semi-global", "semi_global+crf", (0.7847, 0.4379, 0.6403)),
        ),
        _CUN,
    ),
    "accuracy": Table(
        "Accuracy of patches and of segmentation",
        tuple(
            Column(f"{name}, {what}", metric)
            for name in _SLIDES
            for what, metric in (("patches", "patch_accuracy"), ("pixels", "segmentation_accuracy@card"))
        ),
        (
            Row("Bappy et al.", "conv_lstm", _shares(95.89, 89.53, 68.57, 53.80, 85.02, 77.95)),
            Row("semi-global", "semi_global+crf", _shares(97.81, 89.60, 83.69, 75.10, 89.72, 83.90)),
        ),
        (*_CUN, _OUR_PATCHES, _LABELS, _MASKS),
    ),
}

_OWN = {"calibrated": False}  # accused is who the network itself calls manipulated, as in the paper
_ONE_HALF = (
    "photographs are called manipulated where the network says one half, before any calibration of ours"
)
_SEGMENTERS = {"DeepLab": "deeplab", "SAM": "sam", "PSPNet": "pspnet"}


def _segmented(label: str, detector: str, areas: tuple[float, ...], scores: tuple[float, ...]) -> list[Row]:
    """Return a row for each of the paper's segmenters, then ours: the one without weights, and none."""
    rows = [
        Row(f"{label}, {name}", detector, (area, score), fields={"segmenter": segmenter, **_OWN})
        for (name, segmenter), area, score in zip(_SEGMENTERS.items(), areas, scores, strict=True)
    ]
    ours = {"graph-based": "felzenszwalb", "no segmenter": ""}
    return rows + [
        Row(f"{label}, {name}", detector, (None, None), fields={"segmenter": segmenter, **_OWN})
        for name, segmenter in ours.items()
    ]


def _view(view: int, label: str, *numbers: float | None) -> Row:
    """Return the row of a single view, whose map stays as it is."""
    return Row(label, "wcbnet", numbers, fields={"view": view, "segmenter": "", **_OWN})


_WANG = {
    "table1": Table(
        "AUC and F1 of pixels, by segmenter",
        (
            Column("AUC", "pixel_auc"),
            Column("F1", "pixel_f1@card"),
        ),
        (
            *_segmented("ResNet", "resnet", (0.535, 0.545, 0.524), (0.296, 0.257, 0.259)),
            *_segmented("WCBnet", "wcbnet", (0.704, 0.608, 0.703), (0.682, 0.310, 0.365)),
            *(_view(view, f"WCBnet {view}, no segmenter", None, None) for view in (2, 3, 4)),
            Row("ManTraNet", "mantranet", (0.653, 0.238)),
        ),
        (
            "the paper scores 40 photographs of CASIA 2, chosen by hand among those classified rightly; ours "
            'are all manipulated photographs of the split, and, "called", all that are called manipulated',
            "the paper does not give the threshold of its F1; ours is the one of the detector's card",
            _ONE_HALF,
            "ManTraNet gives no score for photographs, so that none are called manipulated",
        ),
        ("pixel_auc_called", "pixel_f1_called@card"),
    ),
    "views": Table(
        "F1 of photographs, by view",
        (Column("F1", "image_f1"),),
        tuple(_view(view, f"WCBnet {view}", number) for view, number in ((2, 0.912), (3, 0.933), (4, 0.935))),
        (
            _ONE_HALF,
            "CASIA 2 has a trap: its classes were saved with different JPEG tables; the raw number repeats "
            "the paper's protocol, the equalized one is the one to believe",
        ),
        ("balanced_accuracy", "image_auc"),
    ),
}

PAPERS: dict[str, dict[str, Table]] = {"bappy2017": _BAPPY, "cun2018": _CUN2018, "wang2024": _WANG}

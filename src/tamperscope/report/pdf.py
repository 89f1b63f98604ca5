"""A report as a PDF, for files and courts."""

import re
from collections.abc import Iterator
from importlib import util
from io import BytesIO
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unicodedata import bidirectional
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    AnchorFlowable,
    Flowable,
    Image,
    KeepTogether,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
)
from reportlab.platypus import Table as Grid

from tamperscope.io.paths import clipped
from tamperscope.report.content import Case, Figure, Finding, PhotoReport, Table

__all__ = ["document"]

_MARGIN = 18 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_TALLEST = 110 * mm
_LINES = 60  # of a cell, of the widest letters: none may be taller than a page
_CAPTION = 500  # letters
_GREY, _BLACK, _PALE = HexColor("#555555"), HexColor("#111111"), HexColor("#f3f3f3")
_QUOTED = re.compile(r"""\$'(?:\\.|[^\\'])*'|"[^"]*"|('[^']*')""")  # in a shell; found: the plain way
_FONT, _BOLD = "Tamperscope", "Tamperscope-Bold"


def document(case: Case) -> bytes:
    """Return the PDF."""
    regular, bold = _fonts()
    with TemporaryDirectory() as folder:  # pictures in memory would stay there, decoded, until the end
        return _document(case, _Styles(regular, bold, Path(folder)))


def _document(case: Case, style: "_Styles") -> bytes:
    stream = BytesIO()
    made = SimpleDocTemplate(
        stream,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=case.title,
        author=f"Tamperscope {case.version}",
        creator=f"Tamperscope {case.version}",
        subject="Where photographs may have been edited",
    )

    def footer(canvas: Any, _: Any) -> None:
        canvas.setFont(style.regular, 8)
        canvas.setFillColor(_GREY)
        canvas.drawString(_MARGIN, 10 * mm, f"Tamperscope {case.version}, {case.made}")
        canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, f"page {canvas.getPageNumber()}")

    made.build(list(_story(case, style)), onFirstPage=footer, onLaterPages=footer)
    return stream.getvalue()


class _Styles:
    """Fonts and paragraphs; the folder that holds pictures while the document is made."""

    def __init__(self, regular: str, bold: str, folder: Path) -> None:
        self.regular, self.bold, self.folder = regular, bold, folder
        self.numbers = count()  # of pictures in it
        face: Any = getattr(pdfmetrics.getFont(regular), "face", None)
        has = getattr(face, "charToGlyph", None) or (*range(32, 127), *range(160, 256))
        # Nothing here writes from right to left: such a name would be shown backwards, as another name.
        self.known = {one for one in has if bidirectional(chr(one)) not in ("R", "AL")}
        self.text = ParagraphStyle(
            "text", fontName=regular, fontSize=9, leading=12, spaceAfter=4, splitLongWords=1
        )
        self.soft = ParagraphStyle(
            "soft", parent=self.text, fontSize=8, leading=10, textColor=_GREY, spaceBefore=2
        )
        self.cell = ParagraphStyle(
            "cell", parent=self.text, fontSize=7.5, leading=9, spaceAfter=0, wordWrap="CJK"
        )
        self.head = ParagraphStyle("head", parent=self.cell, fontName=bold)
        self.code = ParagraphStyle(
            "code", parent=self.text, fontSize=8, backColor=_PALE, borderPadding=4, wordWrap="CJK"
        )
        self.title = ParagraphStyle(
            "title", parent=self.text, fontName=bold, fontSize=18, leading=22, spaceAfter=6
        )
        self.photo = ParagraphStyle("photo", parent=self.title, fontSize=13, leading=16, wordWrap="CJK")
        self.section = ParagraphStyle("section", parent=self.title, fontSize=11, leading=14, spaceBefore=8)
        self.small = ParagraphStyle(
            "small", parent=self.section, fontSize=9, leading=12, spaceBefore=4, spaceAfter=2
        )
        self.verdict = ParagraphStyle(
            "verdict",
            parent=self.text,
            fontSize=10,
            leading=14,
            borderWidth=1,
            borderColor=_BLACK,
            borderPadding=6,
            spaceBefore=14,
            spaceAfter=12,
        )

    def code_lines(self, commands: str) -> str:
        """Return command lines as markup that bash takes: in ``$'...'``, numbers are letters again."""

        def quoted(found: re.Match[str]) -> str:
            plain = found[1]
            if plain is None or self.known.issuperset(map(ord, plain)):
                return found[0]
            return "$" + plain.replace("\\", "\\\\")

        return "<br/>".join(self.safe(_QUOTED.sub(quoted, line)) for line in commands.split("\n"))

    def safe(self, text: str, most: int | None = None) -> str:
        """Return the text, clipped, as markup; letters that the font lacks as numbers, not as nothing."""
        shown = "".join(
            one if ord(one) in self.known else one.encode("unicode_escape", "backslashreplace").decode()
            for one in text
        )
        return escape(clipped(shown, most or len(shown)))


def _fonts() -> tuple[str, str]:
    """Return fonts that have most scripts, where matplotlib brings them; else those of every PDF."""
    found = util.find_spec("matplotlib")
    folder = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" if found and found.origin else None
    if folder is None or not (folder / "DejaVuSans.ttf").is_file():
        return "Helvetica", "Helvetica-Bold"
    for name, file in ((_FONT, "DejaVuSans.ttf"), (_BOLD, "DejaVuSans-Bold.ttf")):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, folder / file))
    return _FONT, _BOLD


def _story(case: Case, style: _Styles) -> Iterator[Flowable]:
    yield Paragraph(style.safe(case.title), style.title)
    yield Paragraph(
        f"Report of {case.made} on {case.count}. {case.about}",
        style.soft,
    )
    photos = [[*_photo(photo, style)] for photo in case.photos]  # only then the overview is known
    if case.several:
        yield from _overview(case, style)
    for number, photo in enumerate(photos, 1):
        if number > 1 or case.several:
            yield PageBreak()
        yield AnchorFlowable(str(number))
        yield from photo
    if case.missing:
        yield Paragraph("Not in this report", style.section)
        yield Paragraph("These files could not be analysed, or their results not be read:", style.text)
        yield from (Paragraph(style.safe(one), style.text) for one in case.missing)


def _overview(case: Case, style: _Styles) -> Iterator[Flowable]:
    yield Paragraph("Overview", style.section)
    yield Paragraph(case.counts, style.text)
    widths = [_WIDTH * share for share in (0.7, 0.15, 0.15)]
    rows = [[Paragraph(head, style.head) for head in ("file", "verdict", "highest score")]]
    rows += [
        [
            Paragraph(f'<a href="#{one.number}">{style.safe(one.name, _CAPTION)}</a>', style.cell),
            Paragraph(one.verdict, style.cell),
            Paragraph(one.shown, style.cell),
        ]
        for one in case.overview
    ]
    if case.lines:
        yield _grid(rows, widths)


def _photo(photo: PhotoReport, style: _Styles) -> Iterator[Flowable]:
    yield Paragraph(style.safe(photo.name), style.photo)
    yield Paragraph(
        f'<font name="{style.bold}">{photo.verdict.upper()}</font><br/>{style.safe(photo.sentence)}',
        style.verdict,
    )
    for note in photo.notes:
        yield Paragraph(f"Note: {style.safe(note)}.", style.text)
    if photo.photo and not photo.beside:
        yield _side_by_side([photo.photo], style)
    for finding in photo.findings:
        yield from _finding(finding, photo.photo if finding is photo.beside else None, style)
    if photo.evidence:
        yield KeepTogether([Paragraph("Evidence", style.section), _side_by_side([photo.evidence], style)])
    if photo.thumbnail_sentence:
        shown = [_side_by_side(list(photo.thumbnail), style, 40 * mm)] if photo.thumbnail else []
        said = Paragraph(style.safe(photo.thumbnail_sentence), style.text)
        yield KeepTogether([Paragraph("Thumbnail", style.section), said, *shown])
    yield Paragraph("Facts", style.section)
    for table in photo.facts:
        yield from _table(table, style)
    said = Paragraph(
        f"The results were written {photo.written}, as their file says. The same version, file and weights "
        "give the same result.",
        style.soft,
    )
    yield KeepTogether(
        [
            Paragraph("How to repeat it", style.section),
            said,
            Paragraph(style.code_lines(photo.repeat), style.code),
        ]
    )


def _finding(finding: Finding, photo: Figure | None, style: _Styles) -> Iterator[Flowable]:
    figures = [*([photo] if photo else []), *finding.figures]
    yield KeepTogether(
        [
            Paragraph(style.safe(f"{finding.title}: {finding.verdict}"), style.section),
            Paragraph(style.safe(finding.sentence), style.text),
            *([_side_by_side(figures, style)] if finding.figures else []),
        ]
    )
    if finding.looks_at:
        bold = f'<font name="{style.bold}">%s</font>'
        said = f"{bold % 'It looks at'} {style.safe(finding.looks_at)}. "
        yield Paragraph(f"{said}{bold % 'Its limits:'} {style.safe(finding.limits)}.", style.text)
    for table in finding.tables:
        yield from _table(table, style)


def _side_by_side(figures: list[Figure], style: _Styles, widest: float = _WIDTH) -> Flowable:
    each = min(widest, _WIDTH / len(figures)) - 4 * mm
    cells = []
    for figure in figures:
        scale = min(each / figure.width, _TALLEST / figure.height)
        caption = f"{figure.title}: {figure.caption}" if figure.caption else figure.title
        path = style.folder / f"{next(style.numbers)}.jpg"
        path.write_bytes(figure.data)
        picture = Image(path, figure.width * scale, figure.height * scale)
        picture.hAlign = "LEFT"
        cells.append([picture, Spacer(1, 1 * mm), Paragraph(style.safe(caption, _CAPTION), style.soft)])
    grid = Grid([cells], colWidths=[each + 4 * mm] * len(cells), hAlign="LEFT")
    grid.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)])
    return grid


def _table(table: Table, style: _Styles) -> Iterator[Flowable]:
    first = 0.3 if len(table.heads) == 2 else 1 / len(table.heads) if table.heads[0] else 0.05
    widths = [_WIDTH * first] + [_WIDTH * (1 - first) / (len(table.heads) - 1)] * (len(table.heads) - 1)
    most = [int(width / (2 * style.cell.fontSize)) * _LINES for width in widths]  # no letter is wider
    rows = [[Paragraph(style.safe(head), style.head) for head in table.heads]]
    rows += [
        [Paragraph(style.safe(*cell), style.cell) for cell in zip(row, most, strict=True)]
        for row in table.rows
    ]
    yield Paragraph(style.safe(table.title), style.small)
    yield _grid(rows, widths)
    yield Spacer(1, 3 * mm)


def _grid(rows: list[list[Paragraph]], widths: list[float]) -> Flowable:
    grid = Grid(rows, colWidths=widths, repeatRows=1, hAlign="LEFT")
    grid.setStyle(
        [
            ("LINEBELOW", (0, 0), (-1, -1), 0.3, "#c9c9c9"),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ]
    )
    return grid

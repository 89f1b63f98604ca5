"""A report as one HTML file: no script, nothing from elsewhere."""

import base64
from importlib.resources import files

import jinja2

from tamperscope.report.content import Case, Figure

__all__ = ["page"]


def page(case: Case) -> bytes:
    """Return the file. Names and EXIF are hostile input: all text is escaped."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["source"] = _source
    template = environment.from_string((files(__package__) / "page.html.jinja").read_text("utf-8"))
    return template.render(case=case).encode("utf-8", "backslashreplace")


def _source(figure: Figure) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(figure.data).decode()}"

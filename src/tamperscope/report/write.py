"""A report in one of its forms."""

import json
from collections.abc import Callable
from importlib import import_module

from tamperscope.errors import OutputError
from tamperscope.report.content import Case

__all__ = ["FORMS", "check", "make"]


def _html(case: Case) -> bytes:
    from tamperscope.report.html import page

    return page(case)


def _pdf(case: Case) -> bytes:
    from tamperscope.report.pdf import document

    return document(case)


def _json(case: Case) -> bytes:
    return (json.dumps(list(case.records), indent=2) + "\n").encode()


FORMS: dict[str, Callable[[Case], bytes]] = {"html": _html, "pdf": _pdf, "json": _json}


def make(case: Case, form: str) -> bytes:
    """Return the file of a report in one of the `FORMS`; the case tells afterwards what could not be read.

    Raises:
        OutputError: a library for this form is missing.

    """
    check(form)
    return FORMS[form](case)


def check(form: str) -> None:
    """Fail before anything is analysed, if a report cannot be made in this form.

    Raises:
        OutputError: a library for this form is missing.

    """
    try:
        if form != "json":
            import_module(f"tamperscope.report.{form}")
    except ImportError as error:
        raise OutputError(
            f"a report in {form} needs a library ({error})", "pip install 'tamperscope[report]'"
        ) from error

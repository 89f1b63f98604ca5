"""A report in one of its forms."""

import json
from collections.abc import Callable

from tamperscope.report.content import Case

__all__ = ["FORMS", "make"]


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
    """Return the file of a report in one of the `FORMS`; the case tells afterwards what could not be read."""
    return FORMS[form](case)

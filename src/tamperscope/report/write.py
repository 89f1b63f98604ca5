"""A report in one of its forms."""

import json

from tamperscope.report.content import Case
from tamperscope.report.forms import Form

__all__ = ["make"]


def make(case: Case, form: Form) -> bytes:
    """Return the file of a report; the case tells afterwards what could not be read."""
    if form is Form.html:
        from tamperscope.report.html import page

        return page(case)
    if form is Form.pdf:
        from tamperscope.report.pdf import document

        return document(case)
    return (json.dumps(list(case.records), indent=2) + "\n").encode()

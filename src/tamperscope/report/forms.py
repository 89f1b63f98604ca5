"""The forms that a report may have; told apart from what makes them, which takes long to import."""

from enum import Enum

__all__ = ["REPORTS", "Form"]


class Form(str, Enum):
    """What a report is made as."""

    html = "html"
    pdf = "pdf"
    json = "json"

    @property
    def file(self) -> str:
        """The name of its file, unless another is given."""
        return f"report.{self.value}"


REPORTS = tuple(form.file for form in Form)

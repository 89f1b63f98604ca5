"""Everything that can go wrong, as one tree.

TamperscopeError
├── UnreadableFile      missing, no permission, not a regular file, empty, changed while it was read
├── UnsupportedFormat   not a photograph that can be analysed
├── CorruptFile         recognised, but its content contradicts itself
│   └── TruncatedFile   the file ends too early
├── TooLarge            more bytes or pixels than the limits allow
├── MissingEvidence     the photograph lacks what the detector looks at
├── MissingWeights      a network's weights are not shipped with it, and cannot be had
├── UnknownPlugin       no plugin of that name
├── InvalidParameter    a plugin has no such field, or the value does not fit it
├── WrongLayout         a data set's folder is not what its reader expects
├── BadMask             a ground truth mask is missing, unreadable or of another size than its photo
├── TrainingFailed      a training cannot begin or go on
├── OutputError         a result could not be written
└── Defect              an error of Tamperscope itself; the rest of a batch goes on
"""

__all__ = [
    "BadMask",
    "CorruptFile",
    "Defect",
    "InvalidParameter",
    "MissingEvidence",
    "MissingWeights",
    "OutputError",
    "TamperscopeError",
    "TooLarge",
    "TrainingFailed",
    "TruncatedFile",
    "UnknownPlugin",
    "UnreadableFile",
    "UnsupportedFormat",
    "WrongLayout",
]


class TamperscopeError(Exception):
    """A problem that a person can act on: what is wrong, what to do, and with which file.

    The three stay the exception's positional arguments, so that it survives pickling between processes.
    """

    def __init__(self, problem: str, remedy: str = "", source: str = "") -> None:
        super().__init__(problem, remedy, source)
        self.problem, self.remedy, self.source = problem, remedy, source

    def __str__(self) -> str:
        text = f"{self.source}: {self.problem}" if self.source else self.problem
        return f"{text}; {self.remedy}" if self.remedy else text

    def at(self, source: str) -> "TamperscopeError":
        """Return the same error, naming ``source`` unless it names a file already."""
        return type(self)(self.problem, self.remedy, self.source or source)


class UnreadableFile(TamperscopeError):
    """The file's bytes cannot be had."""


class UnsupportedFormat(TamperscopeError):
    """The bytes are not a photograph that can be analysed."""


class CorruptFile(TamperscopeError):
    """The format is recognised, but the content contradicts itself."""


class TruncatedFile(CorruptFile):
    """The file ends before its picture does."""


class TooLarge(TamperscopeError):
    """The file has more bytes, or its header announces more pixels, than the limits allow."""


class MissingEvidence(TamperscopeError):
    """The photograph lacks what the detector looks at; no statement either way."""


class MissingWeights(TamperscopeError):
    """A network has no weights here; what to fetch, and where to put it, is in the remedy."""


class UnknownPlugin(TamperscopeError):
    """No plugin of that kind has that name."""


class InvalidParameter(TamperscopeError):
    """A plugin has no such field, or the value does not fit it."""


class WrongLayout(TamperscopeError):
    """A data set's folder is not what its reader expects: the wrong place, or something is missing."""


class BadMask(TamperscopeError):
    """A ground truth mask cannot be used; its photo is left out of what needs one, and counted."""


class TrainingFailed(TamperscopeError):
    """A training cannot begin, or go on: a class is missing, memory is short, or the loss is no number."""


class OutputError(TamperscopeError):
    """A result could not be written."""


class Defect(TamperscopeError):
    """Tamperscope itself failed on a photo; reported, so that the rest of a batch goes on."""

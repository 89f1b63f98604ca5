"""A detector that dies on PNG files, as a native library might; a test installs it as a third party's."""

import os
import signal
from dataclasses import dataclass
from typing import ClassVar

from tamperscope import plugins
from tamperscope.detectors._base import Detector
from tamperscope.types import Card, Localization, Photo


@dataclass(frozen=True)
class Crashing(Detector):
    """Error level analysis, but for PNG files."""

    card: ClassVar[Card] = plugins.load("detectors", "ela").card

    def _localize(self, photo: Photo) -> Localization:
        if photo.format == "PNG":
            os.kill(os.getpid(), signal.SIGKILL)
        found: Localization = plugins.build("detectors", "ela").localize(photo)
        return found

"""The check `predict`: does the model load, and predict its own input example?

It runs only where a workspace asks for it by name, in the process of a check. It loads only what
a scan lets pass: whatever else the files say, nothing is trusted here.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from muniment.checks import Outcome, Subject
from muniment.domain.checks import Verdict
from muniment.errors import ConfigurationError, MunimentError
from muniment.ml.descriptor import DESCRIPTOR
from muniment.ml.loaders import MunimentLoader
from muniment.ml.uris import uri_of_folder
from muniment.scanning import scan_file


class Predict:
    """Does the model predict its input example, as its signature says?"""

    version: ClassVar[str] = "1"

    def check(self, subject: Subject) -> Outcome:
        """Load the model from a copy of its files, and have it predict."""
        if subject.file(DESCRIPTOR) is None:
            return _unknown(f"It holds no {DESCRIPTOR}: no MunimentSaver saved it.")
        for file in subject.files:
            with file.open() as opened:
                report = scan_file(opened, file.path)
            if report.verdict is not Verdict.PASS:
                return _unknown(f"It was not loaded: {report.findings[0]}.")
        with TemporaryDirectory() as folder:
            _copy(subject, Path(folder))
            try:
                model = MunimentLoader().load(uri_of_folder(Path(folder)))
                example = model.input_example
                if example is None:
                    return _unknown("It has no input example.")
                model.predict(example)
            except ConfigurationError as error:
                return _unknown(str(error))
            except MunimentError as error:
                return Outcome(Verdict.FAIL, (str(error),))
        return Outcome(Verdict.PASS)


def _unknown(why: str) -> Outcome:
    return Outcome(Verdict.UNKNOWN, (why,))


def _copy(subject: Subject, folder: Path) -> None:
    for file in subject.files:
        place = folder / file.path  # the manifest's paths lead nowhere else: they were checked
        place.parent.mkdir(parents=True, exist_ok=True)
        with file.open() as source, place.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)

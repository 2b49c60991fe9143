"""What is in a model file, and could reading it run code? By content, and without reading it so.

    >>> from muniment.scanning import scan_file
    >>> scan_file("README.md").format
    'text'

Only the standard library is used, and nothing is ever deserialised: pickles are followed by a
symbolic machine (`pickles/`) that lets through what is on a list, archives and compressed files are
looked into, bounded in depth, number and size. A pass says that reading the file with the library
that it is for calls nothing that is not on that list; it does not say that the library has no bugs.
"""

from __future__ import annotations

from muniment.scanning.looking import Limits
from muniment.scanning.report import FileReport, Finding, worst
from muniment.scanning.scanner import format_of, scan_archive, scan_file

__all__ = ["FileReport", "Finding", "Limits", "format_of", "scan_archive", "scan_file", "worst"]

"""How a workbook that billing wrote is known again, while nobody has saved it since.

Its core properties name this program as who made it and as who changed it last. A spreadsheet that saves it puts
somebody else in the second place: then somebody's own work may be in it, and it is replaced by no report.
(ECMA-376 part 2, core properties)
"""

import re
import zipfile
import zlib
from pathlib import Path

ZIP = b"PK\x03\x04"
AUTHOR, CATEGORY = "connect-billing", "billing report"
# What the core properties of every workbook of ours say.
CORE = "docProps/core.xml"
_LARGEST = 1 << 16
# Bytes of core properties that are looked at.
_OURS = re.compile(
    rf"<dc:creator>{AUTHOR}</dc:creator>.*<cp:lastModifiedBy>{AUTHOR}</cp:lastModifiedBy>.*"
    rf"<cp:category>{CATEGORY}</cp:category>".encode(),
    re.DOTALL,
)


def is_own_workbook(path: Path) -> bool:
    """Tell whether billing wrote what is there and nobody has saved it since; what cannot be read is not its own."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(CORE) as core:
            return _OURS.search(core.read(_LARGEST)) is not None
    except (OSError, EOFError, KeyError, ValueError, NotImplementedError, RuntimeError):
        return False
    except (zipfile.BadZipFile, zlib.error):
        return False

"""Files of data, compressed or not: the first bytes tell."""

from __future__ import annotations

import gzip
import zlib
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile, ZipFile


def unpacked(path: Path) -> bytes:
    """Read a file, whatever its name, decompressed if it is gzip's or a zip archive of one file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    content : bytes

    Raises
    ------
    OSError
        The file can't be read.
    ValueError
        It can't be decompressed, or is an archive of several files.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "train.csv.gz")
    ...     _ = path.write_bytes(gzip.compress(b"label,pixel0"))
    ...     unpacked(path)
    b'label,pixel0'
    """
    content = path.read_bytes()
    for magic, unpack in _UNPACK.items():
        if content.startswith(magic):
            try:
                return unpack(content)
            # An archive may also be encrypted, or compressed in a way that Python does not know.
            except (OSError, EOFError, RuntimeError, ValueError, zlib.error, BadZipFile) as error:
                raise ValueError(
                    f"{path}: its compressed content can't be decompressed ({error}); expected a "
                    "complete file of gzip, or a zip archive of one file."
                ) from error
    return content


def _only_file(content: bytes) -> bytes:
    """Return what a zip archive holds, besides folders and what macOS adds."""
    with ZipFile(BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
        names = [name for name in names if not name.endswith("/")]
        if len(names) != 1:
            raise ValueError(f"it holds {len(names)} files")
        return archive.read(names[0])


_UNPACK = {b"\x1f\x8b": gzip.decompress, b"PK\x03\x04": _only_file}

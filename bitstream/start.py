"""How an .svc file begins: its magic and version."""

from __future__ import annotations

from ..errors import NotSvcError, TruncatedError, UnsupportedError

MAGIC = b"\x89SVC"
VERSION = 1

_SIGNATURES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"RIFF": "WebP (or another RIFF)",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}


def check_start(data: bytes) -> None:
    """Raise for a file that is none of this version.

    Raises:
        NotSvcError: it is a file of another format.
        UnsupportedError: it needs another reader.
        TruncatedError: it ends before its version.
    """
    if not data.startswith(MAGIC):
        found = next((f"a {name} file" for start, name in _SIGNATURES.items() if data.startswith(start)), None)
        raise NotSvcError(f"not an .svc file but {found or ('of another format' if data else 'empty')}")
    if len(data) == len(MAGIC):
        raise TruncatedError("the file ends early")
    if text := other_version(data):
        raise UnsupportedError(text)


def other_version(start: bytes) -> str:
    """What is to be said of a stream, by its first five bytes, that this reader does not know; nothing of others."""
    version = start[len(MAGIC)]
    if version == VERSION:
        return ""
    newer = ": a newer svcodec reads it" if version > VERSION else ""
    return f"the file has format version {version}, this reader knows {VERSION}{newer}"

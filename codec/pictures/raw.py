"""What cameras' sensors saw: raw photos, which hold a small picture that is not the photo, and are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image

from ...errors import InputError
from . import exif

# Where a kind has which bytes.
_SIGNATURES = (
    (0, b"FUJIFILMCCD-RAW", "Fujifilm RAF"),
    (4, b"ftypcrx ", "Canon CR3"),
    (8, b"CR\x02", "Canon CR2"),
    (6, b"HEAPCCDR", "Canon CRW"),
    (0, b"IIU\x00", "Panasonic RW2"),
    (0, b"IIRO", "Olympus ORF"),
    (0, b"IIRS", "Olympus ORF"),
    (0, b"MMOR", "Olympus ORF"),
    (0, b"FOVb", "Sigma X3F"),
    (0, b"\x00MRM", "Minolta MRW"),
    (8, b"IIII", "Phase One IIQ"),
    (8, b"MMMM", "Phase One IIQ"),
)
_MAKERS = {
    "nikon": "Nikon NEF",
    "sony": "Sony ARW",
    "pentax": "Pentax PEF",
    "samsung": "Samsung SRW",
    "hasselblad": "Hasselblad 3FR",
    "epson": "Epson ERF",
    "kodak": "Kodak DCR",
    "leaf": "Leaf MOS",
}
_REDUCED, _OLD_REDUCED = 1, 2
_TELLING = {
    ExifTags.Base.NewSubfileType,
    ExifTags.Base.SubfileType,
    ExifTags.Base.PhotometricInterpretation,
    ExifTags.Base.Make,
    ExifTags.Base.SubIFDs,
    ExifTags.Base.DNGVersion,
}
_OF_SENSORS = (32803, 34892)  # colour filter array and linear raw, among what a TIFF's samples may mean
_WHOLE_NUMBERS = (3, 4)


def refuse_raw(image: Image.Image | None, content: bytes | None) -> None:
    """Raise InputError for a raw photo, by its content or by what Pillow opened of it."""
    kind = _by_content(content or b"")
    if kind is None and image is not None:
        kind = _by_tags(getattr(image, "tag_v2", {}))
    if kind:
        raise InputError(
            f"is a raw photo ({kind}), of which Pillow shows a preview at most: develop it first, for example to a TIFF"
        )


def _by_content(content: bytes) -> str | None:
    for start, signature, kind in _SIGNATURES:
        if content.startswith(signature, start):
            return kind
    if content[:4] not in (b"II*\0", b"MM\0*"):
        return None
    try:
        return _by_tags({entry.tag: _value(content, entry) for entry in exif.entries(content) if entry.tag in _TELLING})
    except exif.ExifError:
        return None  # Pillow will say what is wrong with it


def _by_tags(tags: Mapping[int, Any]) -> str | None:
    if ExifTags.Base.DNGVersion in tags:
        return "DNG"
    subfile = tags.get(ExifTags.Base.NewSubfileType)
    reduced = isinstance(subfile, int) and bool(subfile & _REDUCED)
    reduced = reduced or tags.get(ExifTags.Base.SubfileType) == _OLD_REDUCED
    if tags.get(ExifTags.Base.PhotometricInterpretation) in _OF_SENSORS or (reduced and ExifTags.Base.SubIFDs in tags):
        maker = str(tags.get(ExifTags.Base.Make, "")).lower()
        return next((kind for name, kind in _MAKERS.items() if name in maker), "a TIFF that begins with a thumbnail")
    return None


def _value(content: bytes, entry: exif.Entry) -> int | str:
    if entry.kind in _WHOLE_NUMBERS:
        return exif.value_of(content, entry)
    return content[entry.start : entry.start + entry.length].decode("latin-1")

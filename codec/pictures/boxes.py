"""HEIF, AVIF and JPEG 2000 files, which are boxes in boxes: depth, colours and what is in them beside the picture."""

from __future__ import annotations

from collections.abc import Iterator

_FULL = 4  # version and flags, with which some boxes begin
_JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
_OF_JP2 = (b"jP  ", b"ftyp", b"jp2h", b"jp2c")
_UUIDS = {
    bytes.fromhex("be7acfcb97a942e89c71999491e3afac"): "xmp",
    bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"): "iptc",
    b"JpgTiffExif->JP2": "exif",
}
_PLAIN_COLOURS = (16, 17, 18)  # sRGB, greys and YCC, which Pillow makes sRGB


class Boxes:
    """What the boxes of a HEIF or AVIF file say.

    Attributes:
        depth: the most bits per sample that any of its pictures has; 0 where nothing says it.
        code_points: of the main picture's primaries and transfer function, as H.273 numbers them, or None.
        items: the kinds of its items.
    """

    def __init__(self, content: bytes) -> None:
        meta = _find(content, b"meta")[_FULL:]
        container = _find(_find(meta, b"iprp"), b"ipco")
        properties = list(_boxes(container))
        self.depth = max((_depth(kind, body) for kind, body in properties), default=0)
        main = _main_properties(meta)
        colours = [
            (int.from_bytes(body[4:6], "big"), int.from_bytes(body[6:8], "big"))
            for index, (kind, body) in enumerate(properties, 1)
            if kind == b"colr" and body[:4] == b"nclx" and index in main
        ]
        self.code_points = colours[0] if colours else None
        self.items = frozenset(_item(body) for _, body in _boxes(_items(_find(meta, b"iinf"))))


def of_jp2(content: bytes) -> tuple[dict[str, bytes], list[str]]:
    """What a JPEG 2000 file carries and Pillow leaves out: icc, exif, xmp and iptc by name, and names of what else."""
    found: dict[str, bytes] = {}
    others = []
    for kind, body in _boxes(content if content.startswith(_JP2) else b""):
        if kind == b"uuid" and body[:16] in _UUIDS:
            found.setdefault(_UUIDS[body[:16]], body[16:])
        elif kind not in _OF_JP2:
            others.append(f"JPEG 2000 box {kind.decode('latin-1').strip()}")
        elif kind == b"jp2h":
            colours = _find(body, b"colr")
            if colours[:1] in (b"\2", b"\3"):  # a profile, and not a number
                found["icc"] = colours[3:]
            elif colours and int.from_bytes(colours[3:7], "big") not in _PLAIN_COLOURS:
                others.append(f"colours of number {int.from_bytes(colours[3:7], 'big')}")
    return found, others


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each box; a broken one is the last."""
    start = 0
    while start + 8 <= len(data):
        size, head = int.from_bytes(data[start : start + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        end = start + size if size else len(data)
        if end - start < head:
            return
        yield data[start + 4 : start + 8], data[start + head : end]
        start = end


def _find(data: bytes, wanted: bytes) -> bytes:
    return next((body for kind, body in _boxes(data) if kind == wanted), b"")


def _items(box: bytes) -> bytes:
    return box[_FULL + (4 if box[:1] != b"\0" else 2) :]


def _item(entry: bytes) -> bytes:
    """The kind of an item."""
    start = _FULL + (6 if entry[:1] == b"\x03" else 4)
    return entry[start : start + 4]


def _depth(kind: bytes, body: bytes) -> int:
    if kind == b"pixi" and len(body) > _FULL + 1:
        return max(body[_FULL + 1 : _FULL + 1 + body[_FULL]], default=0)
    if kind == b"av1C" and len(body) > 2:
        return (12 if body[2] & 0x20 else 10) if body[2] & 0x40 else 8
    if kind == b"hvcC" and len(body) > 18:
        return 8 + max(body[17] & 7, body[18] & 7)
    return 0


def _main_properties(meta: bytes) -> set[int]:
    """Which of the properties, counted from 1, are the main picture's."""
    primary = _find(meta, b"pitm")
    main = int.from_bytes(primary[_FULL:], "big")
    box = _find(_find(meta, b"iprp"), b"ipma")
    if len(box) < 8:
        return set()
    id_size, wide = (4 if box[0] else 2), box[3] & 1
    start = 8
    for _ in range(int.from_bytes(box[4:8], "big")):
        item, start = int.from_bytes(box[start : start + id_size], "big"), start + id_size
        count, start = int.from_bytes(box[start : start + 1], "big"), start + 1
        size = 2 if wide else 1
        listed = [box[start + size * index : start + size * (index + 1)] for index in range(count)]
        start += size * count
        if item == main:
            return {int.from_bytes(entry, "big") & (0x7FFF if wide else 0x7F) for entry in listed}
        if start >= len(box):
            break
    return set()

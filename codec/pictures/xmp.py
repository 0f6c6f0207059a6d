"""XMP packets: properties taken out by name, and packets too long for a JPEG split and put together again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from xml.parsers import expat

EXIF = "http://ns.adobe.com/exif/1.0/"
GAIN_MAP = "http://ns.adobe.com/hdr-gain-map/1.0/"
GOOGLE_CAMERA = "http://ns.google.com/photos/1.0/camera/"
GOOGLE_CONTAINER = "http://ns.google.com/photos/1.0/container/"
NOTE = "http://ns.adobe.com/xmp/note/"
TIFF = "http://ns.adobe.com/tiff/1.0/"

EVERYTHING = ".*"
Names = Collection[tuple[str, str]]  # of properties: the namespace (empty for any), a regular expression for the name

ORIENTATION: Names = {(TIFF, "Orientation")}

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns# RDF"
_TAG = re.compile(rb"""<(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(rb"""\s+([\w.-]+):([\w.-]+)\s*=\s*(?:"[^"]*"|'[^']*')""")
_MAIN = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{}"/>
</rdf:RDF></x:xmpmeta>"""


class XmpError(Exception):
    """A packet that is not the XML that it should be."""


def without(packet: bytes, names: Names) -> bytes:
    """A packet without some properties; the very same bytes where it has none of them.

    Raises:
        XmpError: the packet can't be read.
    """
    parsed = _Parsed(packet, names)
    if not parsed.cuts and not parsed.declarations:
        return packet
    kept, position = [], 0
    for start, end in sorted([*parsed.cuts, *parsed.declarations]):
        kept.append(parsed.content[position:start])
        position = end
    return parsed.packet(b"".join([*kept, parsed.content[position:]]))


def has(packet: bytes, names: Names) -> bool:
    """Whether a packet has one of some properties; one that can't be read has none."""
    try:
        return bool(_Parsed(packet, names).cuts)
    except XmpError:
        return False


def orientation_of(packet: bytes) -> int:
    """TIFF's orientation as a packet has it, 1..8; 1 where it has none or can't be read."""
    try:
        parsed = _Parsed(packet, ORIENTATION)
    except XmpError:
        return 1
    values = (re.search(rb"""["'>]\s*([1-8])\s*["'<]""", parsed.content[start:end]) for start, end in parsed.cuts)
    return next((int(value[1]) for value in values if value), 1)


def merged(main: bytes, extended: bytes) -> bytes:
    """One packet of the two that a JPEG has where it is long.

    Raises:
        XmpError: one of them can't be read, or they don't fit together.
    """
    into = _Parsed(without(main, {(NOTE, "HasExtendedXMP")}), ())
    other = _Parsed(extended, ())
    if into.body is None or other.body is None:
        raise XmpError("there is no place for the extended part")
    clash = [name for name, uri in other.outer.items() if into.outer.get(name, uri) != uri]
    if clash:
        raise XmpError(f"both parts use the prefix {clash[0]}")
    start, end = into.body
    names = "".join(f' xmlns:{name}="{uri}"' for name, uri in other.outer.items() if name not in into.outer)
    content = into.content
    added = other.content[slice(*other.body)]
    return into.packet(content[: start - 1] + names.encode() + content[start - 1 : end] + added + content[end:])


def split(packet: bytes) -> tuple[bytes, bytes, bytes]:
    """A short packet, a long one that it refers to, and the 32 characters that the reference consists of."""
    extended = re.sub(rb"<\?xpacket.*?\?>", b"", _utf8(packet)[0]).strip(b"\0 \t\r\n")
    name = hashlib.md5(extended, usedforsecurity=False).hexdigest().upper()
    return _MAIN.format(name).encode(), extended, name.encode()


class _Parsed:
    """Where a packet, as UTF-8, has what is looked for.

    Attributes:
        content: the packet in UTF-8.
        cuts: from where to where its properties of these names reach.
        declarations: likewise of the namespaces of which nothing is to stay.
        body: from where to where the content of rdf:RDF reaches, or None.
        outer: the namespaces declared there or outside, by prefix.
    """

    def __init__(self, packet: bytes, names: Names) -> None:
        self.content, self._encoding = _utf8(packet)
        self.cuts: list[tuple[int, int]] = []
        self.declarations: list[tuple[int, int]] = []
        self.body: tuple[int, int] | None = None
        self.outer: dict[str, str] = {}
        self._names = [(space, re.compile(name)) for space, name in names]
        self._unwanted = {space for space, name in names if name == EVERYTHING}
        self._spaces: dict[str, str] = {}
        self._depth = 0  # inside an element to be cut
        self._start = 0
        self._parser = parser = expat.ParserCreate("utf-8", " ")
        parser.StartNamespaceDeclHandler = self._declare
        parser.StartElementHandler = self._open
        parser.EndElementHandler = self._close
        parser.EntityDeclHandler = _refuse  # XMP has no entities, and some of them fill the memory
        try:
            parser.Parse(self.content.strip(b"\0 \t\r\n"), True)
        except expat.ExpatError as error:
            raise XmpError(f"not the XML it should be: {error}") from error

    def packet(self, content: bytes) -> bytes:
        """Changed content in the encoding that the packet came in."""
        return content if self._encoding == "utf-8" else content.decode().encode(self._encoding)

    def _declare(self, prefix: str | None, uri: str) -> None:
        if prefix:
            self._spaces[prefix] = uri

    def _wanted(self, space: str, name: str) -> bool:
        return any(other in ("", space) and pattern.fullmatch(name) for other, pattern in self._names)

    def _tag(self) -> tuple[int, int]:
        match = _TAG.match(self.content, self._parser.CurrentByteIndex)
        if not match:
            raise XmpError("a tag has no end")
        return match.span()

    def _open(self, name: str, _attributes: object) -> None:
        if self._depth:
            self._depth += 1
            return
        start, end = self._tag()
        if name == _RDF and self.body is None:
            self.body, self.outer = (end, end), dict(self._spaces)
        if self._wanted(*(name.rpartition(" ")[::2])):
            self._depth, self._start = 1, start
            return
        for match in _ATTRIBUTE.finditer(self.content, start, end):
            prefix, local = match[1].decode(), match[2].decode()
            if prefix == "xmlns" and self._spaces.get(local) in self._unwanted:
                self.declarations.append(match.span())
            elif self._wanted(self._spaces.get(prefix, ""), local):
                self.cuts.append(match.span())

    def _close(self, name: str) -> None:
        if name == _RDF and self.body and self.body[0] == self.body[1]:
            self.body = (self.body[0], self._tag()[0])
            if self.body[1] < self.body[0]:  # <rdf:RDF/>
                self.body = None
        if self._depth:
            self._depth -= 1
            if not self._depth:
                self.cuts.append((self._start, self._tag()[1]))


def _utf8(packet: bytes) -> tuple[bytes, str]:
    """A packet in UTF-8 from its first character on, and the encoding that it came in."""
    start = packet[:4].lstrip(b"\xef\xbb\xbf\xff\xfe")[:2]
    encoding = {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}.get(start, "utf-8")
    if encoding == "utf-8":
        return packet.lstrip(b"\0 \t\r\n"), encoding
    try:
        return packet.decode(encoding).lstrip("\ufeff").encode(), encoding
    except UnicodeError as error:
        raise XmpError(f"not the text it should be: {error}") from error


def _refuse(*_: object) -> None:
    raise XmpError("it declares entities")

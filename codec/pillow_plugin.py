"""Pillow reads and writes .svc once svcodec is imported: `Image.open("x.svc")`, `image.save("x.svc", tier="high")`."""

from __future__ import annotations

import inspect
import mimetypes
from typing import IO, Any

from PIL import Image, ImageFile

from ..bitstream.container import unpack
from ..bitstream.start import MAGIC, other_version
from ..errors import InputError, StreamError
from . import heif
from .arguments import REDUCTIONS

MIME_TYPE = "image/svcodec"  # Python has .svc as application/vnd.dvb.service


class SvcImageFile(ImageFile.ImageFile):
    """An .svc file: opening reads header and metadata only, the networks run when the pixels are first needed.

    A file that can't be an intact .svc stream raises Pillow's UnidentifiedImageError when it is opened; what is found
    only while decoding (no such model, a segment that ends too early, more than `MAX_PIXELS`) raises SvcodecError when
    it is loaded, and so do 16 bits in colour, for which Pillow has no mode: `svcodec.decode_array` decodes them.
    """

    format = "SVC"
    format_description = "svcodec image"

    _content: bytes | None = None  # still to be decoded; an unpickled copy has its pixels
    _reduce = 1

    def _open(self) -> None:
        from .pictures.pillow_info import to_info
        from .streams import least_halvings, mode_of

        content = self.fp.read() if self.fp else b""
        try:
            stream = unpack(content)
        except StreamError as error:
            raise SyntaxError(str(error)) from error
        self._content = content
        self._reduce = 1 << least_halvings(stream)
        self._size = (-(-stream.width // self._reduce), -(-stream.height // self._reduce))
        self._mode = mode_of(stream)
        self.info.update(to_info(stream.metadata))

    @property
    def text(self) -> dict[str, str]:
        """Texts by keyword, as a PNG has them."""
        return self.info.get("text", {})

    def draft(self, mode: str | None, size: tuple[int, int] | None) -> tuple[str, tuple[int, int, float, float]] | None:
        """Have the picture decoded at an eighth, a quarter or a half of its size, if that is no less than `size`.

        `thumbnail` asks for it. Modes are not changed.
        """
        if self._content is None or size is None or self._reduce != 1:
            return None
        least = min(own / wanted for own, wanted in zip(self.size, size, strict=True))
        self._reduce = max(reduce for reduce in REDUCTIONS if reduce <= max(least, 1))
        width, height = self.size
        self._size = (-(-width // self._reduce), -(-height // self._reduce))
        return self.mode, (0, 0, width / self._reduce, height / self._reduce)

    def load(self) -> Any:
        if self._content is not None:
            from .decoding import decode

            self.im = decode(self._content, reduce=self._reduce).im
            self._content = None
            if self._exclusive_fp and self.fp:
                self.fp.close()
            self.fp = None
        return super().load()


def register() -> None:
    """Make Pillow know the format SVC, HEIC where it can, and Python the type of .svc; harmless when repeated."""
    Image.register_open(SvcImageFile.format, SvcImageFile, _accept)
    Image.register_save(SvcImageFile.format, _save)
    Image.register_save_all(SvcImageFile.format, _save_all)
    Image.register_extension(SvcImageFile.format, ".svc")
    Image.register_mime(SvcImageFile.format, MIME_TYPE)
    mimetypes.add_type(MIME_TYPE, ".svc")
    heif.register()


def _accept(prefix: bytes) -> bool | str:
    """Whether it may be such a file; of another version, what Pillow shall warn of."""
    if not prefix.startswith(MAGIC):
        return False
    return (len(prefix) > len(MAGIC) and other_version(prefix)) or True


def _save(image: Image.Image, file: IO[bytes], _filename: str | bytes) -> None:
    from .encoding import encode
    from .pictures.pillow_info import FIELDS, refuse_others
    from .pictures.reading import read_picture

    parameters = image.encoderinfo
    _, *options = inspect.signature(encode).parameters
    unknown = [name for name in parameters if name not in (*options, *FIELDS)]
    if unknown:
        raise InputError(f"saving as .svc takes {', '.join((*options, *FIELDS))}; not {', '.join(map(repr, unknown))}")
    given = {name: value for name, value in parameters.items() if name in FIELDS}
    refuse_others(given)
    file.write(encode(read_picture(image, given), **{name: parameters[name] for name in options if name in parameters}))


def _save_all(image: Image.Image, file: IO[bytes], filename: str | bytes) -> None:
    """Save the only picture; of an animation `read_picture` says why not."""
    if image.encoderinfo.pop("append_images", None):
        raise InputError("an .svc file holds one picture: save each in a file of its own")
    _save(image, file, filename)

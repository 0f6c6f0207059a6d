"""Pillow reads and writes .svc once svcodec is imported: `Image.open("x.svc")`, `image.save("x.svc", tier="high")`."""

from __future__ import annotations

from typing import IO, Any

from PIL import Image, ImageFile

from ..bitstream.container import MAGIC
from ..errors import StreamError

_OPTIONS = ("tier", "quality", "tune", "effort")  # of `encode`, that `Image.save` takes


class SvcImageFile(ImageFile.ImageFile):
    """An .svc file: opening reads its header only, the networks run when the pixels are first needed.

    A file that can't be an intact .svc stream raises Pillow's UnidentifiedImageError when it is opened; what is found
    only while decoding (no such model, a segment that ends too early, more than `MAX_PIXELS`) raises SvcodecError when
    it is loaded, and so do 16 bits in colour, for which Pillow has no mode: `svcodec.decode_array` decodes them.
    """

    format = "SVC"
    format_description = "svcodec image"

    def _open(self) -> None:
        from ..bitstream.container import unpack
        from .inspection import inspect
        from .pictures import info_of

        stream = self.fp.read() if self.fp else b""
        try:
            info = inspect(stream)
        except StreamError as error:
            raise SyntaxError(str(error)) from error
        self._stream: bytes | None = stream
        self._size = (info.width, info.height)
        deep = info.bits_per_sample == 16 and info.colour == "grey" and not info.has_alpha
        self._mode = "I;16" if deep else ("L" if info.colour == "grey" else "RGB") + ("A" if info.has_alpha else "")
        content = unpack(stream)
        self.info.update(info_of(content.icc, content.exif, content.xmp))

    def load(self) -> Any:
        if self._stream is not None:
            from .decoding import decode

            image = decode(self._stream)
            self.im = image.im
            self.info.update(image.info)
            self._stream = None
            if self._exclusive_fp and self.fp:
                self.fp.close()
            self.fp = None
        return super().load()

    def getexif(self) -> Image.Exif:
        self.load()  # as PNG does: ImageOps.exif_transpose asks for EXIF before pixels
        return super().getexif()


def register() -> None:
    """Make Pillow know the format SVC; harmless when repeated."""
    Image.register_open(SvcImageFile.format, SvcImageFile, _accept)
    Image.register_save(SvcImageFile.format, _save)
    Image.register_extension(SvcImageFile.format, ".svc")
    Image.register_mime(SvcImageFile.format, "image/svcodec")


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(MAGIC)


def _save(image: Image.Image, file: IO[bytes], _filename: str | bytes) -> None:
    from .codec import encode

    options = {name: image.encoderinfo[name] for name in _OPTIONS if name in image.encoderinfo}
    file.write(encode(image, **options))

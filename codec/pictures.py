"""Pictures in and out: files, Pillow images, arrays and tensors to samples, without losing a bit unnoticed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile, PngImagePlugin, UnidentifiedImageError

from ..arrays import Deep, Pixels
from ..bitstream.container import MAX_SIDE
from ..errors import CorruptError, InputError, SvcodecError
from .deep_pictures import GREY_MODES, content_of, deep_samples
from .sources import Source, is_source, prefix, read_bytes, reason

if TYPE_CHECKING:
    import torch

PictureLike: TypeAlias = "Source | Image.Image | npt.NDArray[np.uint8 | np.uint16] | torch.Tensor"

_EXIF_PREFIX = b"Exif\x00\x00"
_OPAQUE = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBX": "RGB"}
_TRANSPARENT = {"1": "LA", "L": "LA", "LA": "LA", "P": "RGBA", "PA": "RGBA", "RGB": "RGBA", "RGBA": "RGBA"}
_CHANNELS = range(1, 5)
_DEEP_MODES = ("F", *GREY_MODES)
# By what Pillow multiplies grey samples of 1, 2 and 4 bits when it widens them to 8.
_GREY_SCALE = {"1": 255, "L;2": 85, "L;4": 17}
# The tags of a TIFF that describe the photo; the others describe the file.
_TIFF_TAGS = (
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.Software,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
    ExifTags.IFD.Exif,
    ExifTags.IFD.GPSInfo,
)


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture as svcodec codes it.

    `pixels` is uint8, or uint16 for samples of sixteen bits, of shape (h, w, 3) for RGB or (h, w) for grey; `alpha` is
    of the same type and of shape (h, w), or None.
    `icc`, `exif` (the TIFF structure, without the `Exif\\0\\0` that JPEG puts before it) and `xmp` are the bytes
    that the file carried, or None.
    """

    pixels: Pixels | Deep
    alpha: Pixels | Deep | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None


def read_picture(image: PictureLike) -> Picture:
    """Read a picture; the arrays returned are C-contiguous copies that the caller may write to.

    `image` is one of:

    - a path (`str` or `os.PathLike`), a binary file object, or a file's content (bytes, bytearray or memoryview), in
      any format that Pillow reads;
    - a Pillow image of mode 1, L, LA, P, PA, RGB, RGBA or RGBX, or of mode I;16 or I with sixteen bits. Palettes count
      as the colours they show, a transparent colour becomes alpha;
    - an array of dtype uint8 or uint16, channels last: (h, w) or (h, w, 1) grey, (h, w, 2) grey and alpha, (h, w, 3)
      RGB or (h, w, 4) RGBA;
    - a tensor of these shapes, or channels first: (1, h, w) to (4, h, w). One that could be either is refused.

    Pixels stay as they are stored: an EXIF orientation is not applied, its tag is kept (Pillow itself turns TIFFs).
    Of a JPEG with several pictures (MPO) the first one counts, as in viewers.

    Files of sixteen bits are read if they are PNG or TIFF.

    Raises InputError for what is not a picture, and for what could only be coded by dropping bits or frames: samples of
    other depths, other colour spaces, animations. Pass a file's path rather than a Pillow image that is already
    loaded: Pillow has then cut deep samples to 8 bits, which nothing in the image tells.
    """
    if isinstance(image, Image.Image):
        return _read_guarded(image)
    if is_source(image):
        content = read_bytes(cast(Source, image))
        try:
            return _open(io.BytesIO(content))
        except InputError as error:
            raise InputError(f"{prefix(image)}{error}") from error
    if callable(getattr(image, "detach", None)):
        image = _tensor_to_array(image)
    if isinstance(image, np.ndarray):
        return _from_array(image)
    raise InputError(
        f"expected a path, a file or its bytes, a Pillow image, an array or a tensor, not {type(image).__name__}"
    )


def to_image(picture: Picture) -> Image.Image:
    """The picture as a Pillow image of mode L, LA, RGB or RGBA, or of mode I;16 for grey of sixteen bits without alpha.

    Its `info` holds `icc_profile`, `exif` and `xmp` (bytes) where the picture has them, under the names that Pillow's
    `save` takes as parameters.
    """
    image = Image.fromarray(picture.pixels)
    if picture.alpha is not None:
        image.putalpha(Image.fromarray(picture.alpha))
    image.info.update(info_of(picture.icc, picture.exif, picture.xmp))
    return image


def info_of(icc: bytes | None, exif: bytes | None, xmp: bytes | None) -> dict[str, bytes]:
    """What a picture carries, as it stands in the `info` of a Pillow image."""
    found = {"icc_profile": icc, "exif": exif and _EXIF_PREFIX + exif, "xmp": xmp}
    return {key: value for key, value in found.items() if value}


def to_array(picture: Picture) -> npt.NDArray[Any]:
    """The samples of a picture, uint8 or uint16: (h, w) grey, (h, w, 2) with alpha, (h, w, 3) RGB or (h, w, 4) RGBA."""
    return picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha])


def encode_alpha(alpha: Pixels | Deep) -> bytes:
    """An alpha channel, uint8 or uint16 of shape (h, w), as a greyscale PNG."""
    stream = io.BytesIO()
    Image.fromarray(alpha).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def decode_alpha(data: bytes, width: int, height: int, deep: bool = False) -> Pixels | Deep:
    """The inverse of `encode_alpha`: uint8, or where it is deep uint16, of shape (height, width).

    Raises CorruptError if `data` is not a greyscale PNG of just this size and depth, before allocating any pixels.
    """
    try:
        # Not Image.open: its limit on the number of pixels is a guess, here the size is known.
        with PngImagePlugin.PngImageFile(io.BytesIO(data)) as image:
            if image.size != (width, height) or image.mode != ("I;16" if deep else "L"):
                raise CorruptError(f"the alpha channel is {image.size[0]}x{image.size[1]}, mode {image.mode}")
            return np.array(image)
    except CorruptError:
        raise
    except Exception as error:  # Pillow raises many kinds for a bad file
        raise CorruptError(f"the alpha channel can't be read: {error}") from error


def _open(file: IO[bytes]) -> Picture:
    try:
        image = Image.open(file)
    except UnidentifiedImageError as error:
        raise InputError("not a picture in a format that Pillow reads") from error
    except Exception as error:  # Pillow raises many kinds for a bad file
        raise InputError(reason(error)) from error
    return _read_guarded(image)


def _read_guarded(image: Image.Image) -> Picture:
    try:
        return _from_image(image)
    except SvcodecError:
        raise
    except Exception as error:  # Pillow raises many kinds for a bad file
        raise InputError(f"the picture can't be read: {reason(error)}") from error


def _from_image(image: Image.Image) -> Picture:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise InputError(f"holds {frames} pictures or frames, svcodec codes one: extract the one that you want")
    if image.mode in _DEEP_MODES or _is_deep(image):
        samples = _from_array(deep_samples(image, content_of(image)))
        return _with_metadata(samples, image, _exif(image))
    rawmode = _rawmode(image)
    image.load()
    exif = _exif(image)
    scale = _GREY_SCALE.get(rawmode)
    if scale and image.info.get("transparency", 256) <= 255 // scale:
        # Pillow widens the pixels of such a PNG, but not (1 bit: until 13.0) the grey that its tRNS chunk makes
        # transparent.
        image = image.copy()
        image.info["transparency"] *= scale
    mode = (_TRANSPARENT if image.has_transparency_data else _OPAQUE).get(image.mode)
    if mode is None:
        raise InputError(f"has colour mode {image.mode}; svcodec codes grey and RGB: convert it to one of these first")
    samples = _from_array(np.asarray(image if image.mode == mode else image.convert(mode)))
    return _with_metadata(samples, image, exif)


def _with_metadata(samples: Picture, image: Image.Image, exif: bytes | None) -> Picture:
    icc, xmp = (_blob(image.info.get(key)) for key in ("icc_profile", "xmp"))
    return Picture(samples.pixels, samples.alpha, icc, exif, xmp)


def _rawmode(image: Image.Image) -> str:
    """The sample layout in the file of a picture that is still to be loaded, in Pillow's terms; otherwise empty."""
    if not isinstance(image, ImageFile.ImageFile) or not image.tile:
        return ""
    args = image.tile[0].args
    return str(args[0] if isinstance(args, tuple) else args)


def _is_deep(image: Image.Image) -> bool:
    """Whether Pillow would cut the samples of a picture that is still to be loaded to 8 bits."""
    if not isinstance(image, ImageFile.ImageFile) or not image.tile:
        return False
    name, _, _, args = image.tile[0]
    if image.format == "PPM":
        return isinstance(args, tuple) and isinstance(args[-1], int) and args[-1] > 255
    if image.format == "TIFF":
        bits: tuple[int, ...] = getattr(image, "tag_v2", {}).get(ExifTags.Base.BitsPerSample, (1,))
        return max(bits) > 8
    if image.format == "JPEG2000":
        # SIZ marker: depth less one and a sign, three bytes apart, one for each component
        start = _head(image).partition(b"\xff\x4f\xff\x51")[2]
        components = int.from_bytes(start[36:38], "big")
        return any((depth & 0x7F) >= 8 for depth in start[38 : 38 + 3 * components : 3])
    if image.format == "AVIF":
        # av1C box: its third byte has the flag high_bitdepth
        return any(len(box) > 2 and bool(box[2] & 0x40) for box in _head(image).split(b"av1C")[1:])
    return (
        name == "SGI16" or ";16" in _rawmode(image) or (name == "sgi_rle" and isinstance(args, tuple) and args[-1] == 2)
    )


def _head(image: ImageFile.ImageFile) -> bytes:
    file = image.fp
    if file is None:
        return b""
    position = file.tell()
    file.seek(0)
    head = file.read(1 << 16)
    file.seek(position)
    return head


def _exif(image: Image.Image) -> bytes | None:
    """The EXIF of a loaded picture as a bare TIFF structure."""
    if image.format != "TIFF":
        exif = _blob(image.info.get("exif"))
        return exif.removeprefix(_EXIF_PREFIX) if exif else None
    stored, kept = image.getexif(), Image.Exif()
    for tag in _TIFF_TAGS:
        value = stored.get_ifd(tag) if tag in ExifTags.IFD else stored.get(tag)
        if value:
            kept[tag] = value
    return kept.tobytes().removeprefix(_EXIF_PREFIX) if kept else None


def _blob(value: Any) -> bytes | None:
    if isinstance(value, str):
        value = value.encode()
    return bytes(value) if value else None


def _tensor_to_array(tensor: Any) -> npt.NDArray[Any]:
    """The array of a tensor, channels last."""
    try:
        array: npt.NDArray[Any] = tensor.detach().cpu().numpy()
    except (AttributeError, TypeError, RuntimeError) as error:
        raise InputError(f"the tensor is no array of uint8 or uint16: {error}") from error
    if array.ndim != 3 or array.shape[0] not in _CHANNELS:
        return array
    if array.shape[2] in _CHANNELS:
        raise InputError(
            f"a tensor of shape {array.shape} could have its channels first or last: put them last and pass "
            "tensor.numpy(), as arrays always have them last"
        )
    return np.moveaxis(array, 0, -1)


def _from_array(array: npt.NDArray[Any]) -> Picture:
    if array.dtype.kind != "u" or array.dtype.itemsize > 2:
        raise InputError(f"expected samples of dtype uint8 or uint16, not {array.dtype}{_advice(array.dtype)}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in _CHANNELS):
        raise InputError(f"expected shape (h, w) or (h, w, 1 to 4), channels last, not {array.shape}")
    height, width = array.shape[:2]
    if not array.size:
        raise InputError("the picture is empty")
    if max(height, width) > MAX_SIDE:
        raise InputError(f"the picture is {width}x{height}; neither side may exceed {MAX_SIDE}")
    dtype: Any = np.uint8 if array.dtype.itemsize == 1 else np.uint16  # in this machine's order of bytes
    if array.ndim == 2:
        return Picture(np.array(array, dtype, order="C"))
    colours = array[..., 0] if array.shape[2] < 3 else array[..., :3]
    alpha = np.array(array[..., -1], dtype, order="C") if array.shape[2] in (2, 4) else None
    return Picture(np.array(colours, dtype, order="C"), alpha)


def _advice(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "f":
        return ": scale it first, for values in 0..1 np.rint(array * 255).astype(np.uint8)"
    return ""

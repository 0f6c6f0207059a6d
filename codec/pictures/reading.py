"""Pictures in: files, Pillow images, arrays and tensors to samples, without losing a bit unnoticed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from ...errors import InputError, SvcodecError, TooLargeError
from ..arguments import refuse_larger
from ..heif import is_heif, is_installed
from ..sources import Source, is_source, prefix, read_bytes, reason
from . import png
from .carried import carried
from .deep_reading import deep_samples
from .depth import content_of, depth_of, is_unloaded, rawmode
from .identify import open_picture
from .picture import Picture
from .raw import refuse_raw
from .samples import from_array, from_tensor

if TYPE_CHECKING:
    import torch

PictureLike: TypeAlias = "Source | Image.Image | npt.NDArray[np.uint8 | np.uint16] | torch.Tensor | Picture"

_OPAQUE = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBX": "RGB"}
_TRANSPARENT = {"1": "LA", "L": "LA", "LA": "LA", "P": "RGBA", "PA": "RGBA", "RGB": "RGBA", "RGBA": "RGBA"}
_GREY_SCALE = {1: 255, 2: 85, 4: 17}  # by what Pillow multiplies grey samples of so many bits when it widens them to 8
_DEPTHS = {"1": 1, "L;2": 2, "L;4": 4}  # by Pillow's names of layouts
_UNSIGNED = {1, 4}  # TIFF's numbers of them, and of samples of no known kind


def read_picture(image: PictureLike, given: Mapping[str, Any] | None = None, max_pixels: int | None = None) -> Picture:
    """Read a picture; the arrays returned are C-contiguous copies that the caller may write to.

    Pixels stay as they are stored: an EXIF orientation is not applied, its tag is kept (Pillow itself turns TIFFs). A
    Pillow image that was made of another one keeps no orientation, as it may have been turned.

    Args:
        image: one of

            - a path (`str` or `os.PathLike`), a binary file object, or a file's content (bytes, bytearray or
              memoryview), in any format that Pillow reads;
            - a Pillow image of mode 1, L, LA, P, PA, RGB, RGBA or RGBX, or of mode I;16 or I with sixteen bits.
              Palettes count as the colours they show, a transparent colour becomes alpha;
            - an array of dtype uint8 or uint16, channels last: (h, w) or (h, w, 1) grey, (h, w, 2) grey and alpha,
              (h, w, 3) RGB or (h, w, 4) RGBA;
            - a tensor of these shapes, or channels first: (1, h, w) to (4, h, w). One that could be either is refused;
            - a `Picture`, which is returned as it is.
        given: metadata in place of what a Pillow image has, under the names of `Image.save`.
        max_pixels: the most that it may have, or None.

    Raises:
        InputError: it is not a picture, or could only be coded by dropping bits or frames: samples of more than 8 bits,
            unless it is a PNG or TIFF of 16, other colour spaces, animations, raw photos. Rather pass a file's path
            than a Pillow image that is loaded already: Pillow has then cut deep samples to 8 bits, and what it had
            open may be gone.
        TooLargeError: an InputError, of a picture with more pixels.
    """
    if isinstance(image, Image.Image):
        return _read_guarded(image, content_of(image), given or {}, max_pixels)
    if is_source(image):
        content = read_bytes(cast(Source, image))
        try:
            return _read_guarded(_open(content), content, {}, max_pixels)
        except InputError as error:
            raise type(error)(f"{prefix(image)}{error}") from error
    if isinstance(image, Picture):
        picture = image
    elif callable(getattr(image, "detach", None)):
        picture = from_tensor(image)
    elif isinstance(image, np.ndarray):
        picture = from_array(image)
    else:
        raise InputError(
            f"expected a path, a file or its bytes, a Pillow image, an array or a tensor, not {type(image).__name__}"
        )
    height, width = picture.pixels.shape[:2]
    refuse_larger(width, height, max_pixels)
    return picture


def _open(content: bytes) -> Image.Image:
    try:
        return png.open_png(content) if content.startswith(png.SIGNATURE) else open_picture(content)
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises many kinds for a bad file
        refuse_raw(None, content)
        if isinstance(error, SvcodecError):
            raise
        if isinstance(error, Image.DecompressionBombError):
            raise _bomb(error) from error
        if not isinstance(error, UnidentifiedImageError):
            raise InputError(reason(error)) from error
        if is_heif(content) and not is_installed():
            raise InputError("is a HEIC picture, which takes pillow-heif: pip install 'svcodec[heif]'") from error
        raise InputError("not a picture in a format that Pillow reads") from error


def _bomb(error: Exception) -> InputError:
    return TooLargeError(f"Pillow does not read it, unless you raise PIL.Image.MAX_IMAGE_PIXELS: {error}")


def _read_guarded(
    image: Image.Image, content: bytes | None, given: Mapping[str, Any], max_pixels: int | None
) -> Picture:
    try:
        refuse_larger(*image.size, max_pixels)
        return _from_image(image, content, given)
    except (SvcodecError, MemoryError):
        raise
    except Image.DecompressionBombError as error:  # some formats ask again
        raise _bomb(error) from error
    except Exception as error:  # Pillow raises many kinds for a bad file
        verified = is_unloaded(image) and image.fp is None
        if verified or "closed" in str(error):
            raise InputError(
                "the picture was closed, or verified, before its pixels were read: open it anew"
            ) from error
        raise InputError(f"the picture can't be read: {reason(error)}") from error


def _from_image(image: Image.Image, content: bytes | None, given: Mapping[str, Any]) -> Picture:
    refuse_raw(image, content)
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise InputError(f"holds {frames} pictures or frames, svcodec codes one: extract the one that you want")
    deep = depth_of(image, content) > 8
    samples = from_array(deep_samples(image, content) if deep else _samples(image, content))
    metadata, dropped = carried(image, content, samples.pixels.ndim == 2, given)
    return Picture(samples.pixels, samples.alpha, metadata, dropped)


def _samples(image: Image.Image, content: bytes | None) -> npt.NDArray[np.uint8]:
    """Those of an image of eight bits, with its colours and alpha whatever the mode."""
    if not set(getattr(image, "tag_v2", {}).get(ExifTags.Base.SampleFormat, ())) <= _UNSIGNED:
        raise InputError("has samples that are signed or no whole numbers: convert it to unsigned ones of 8 bits first")
    if image.format == "PNG" and content is not None:
        scale = _GREY_SCALE.get(content[24]) if content[25] == 0 else None
    else:
        scale = _GREY_SCALE.get(_DEPTHS.get(rawmode(image), 8))
    image.load()
    shown = image
    if scale and image.info.get("transparency", 256) <= 255 // scale:
        # Pillow widens the pixels of such a PNG, but not (1 bit: until 13.0) the grey that its tRNS chunk makes
        # transparent.
        shown = image.copy()
        shown.info["transparency"] *= scale
    mode = (_TRANSPARENT if shown.has_transparency_data else _OPAQUE).get(shown.mode)
    if mode is None:
        raise InputError(f"has colour mode {image.mode}; svcodec codes grey and RGB: convert it to one of these first")
    return np.asarray(shown if shown.mode == mode else shown.convert(mode))

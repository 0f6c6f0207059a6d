"""What codes one file's bytes, on this machine or any other: callables that can be pickled."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from .. import Codec, Info

Coder: TypeAlias = "Callable[[bytes, str], tuple[bytes, dict[str, Any]]]"  # any of the classes below


class Encoder:
    """Pictures to .svc files: `encoder(content, name)` is the file's bytes and its statistics.

    Pickled, it is small: the model's weights are found again where it is unpickled.
    """

    def __init__(self, codec: Codec, **options: Any):
        """Keep what all pictures have in common.

        Args:
            codec: that codes them.
            options: of `Codec.encode`.
        """
        self.codec = codec
        self.options = options

    def __call__(self, content: bytes, name: str) -> tuple[bytes, dict[str, Any]]:
        """Encode one picture.

        Args:
            content: of a file in any format that Pillow reads.
            name: for the statistics.

        Returns:
            The .svc file's bytes; and `file`, `bytes_before`, `bytes_after`, `width`, `height`, `ratio` and
            `bits_per_pixel`.

        Raises:
            SvcodecError: as `Codec.encode`, which warns as well, as this does of files that grow.
        """
        from .. import inspect

        coded = self.codec.encode(content, **self.options)
        if len(coded) > len(content):
            warnings.warn(_growth(len(content), len(coded), self.options.get("tier")), stacklevel=2)
        return coded, _statistics(name, len(content), len(coded), inspect(coded))


class Decoder:
    """.svc files to pictures: `decoder(content, name)` is a picture file's bytes and its statistics."""

    def __init__(self, format: str, format_options: Mapping[str, Any] | None = None, **options: Any):
        """Keep what all files have in common.

        Args:
            format: of the pictures, as Pillow calls it.
            format_options: of Pillow's `save`.
            options: of `svcodec.transcode`.
        """
        self.format = format
        self.format_options = dict(format_options or {})
        self.options = options

    def __call__(self, content: bytes, name: str) -> tuple[bytes, dict[str, Any]]:
        """Decode one file.

        Args:
            content: of an .svc file.
            name: for the statistics.

        Returns:
            The picture file's bytes, and the statistics, as of `Encoder`.

        Raises:
            SvcodecError: as `svcodec.transcode`, which warns as well.
        """
        from .. import inspect, transcode

        picture = transcode(content, self.format, self.format_options, **self.options)
        info = inspect(content, partial=self.options.get("partial", False))
        reduce = self.options.get("reduce", 1)
        if info.tier == "lossless" and info.levels is not None:
            reduce = max(reduce, 16 >> info.levels)
        return picture, _statistics(name, len(content), len(picture), info, reduce, self.options.get("region"))


class Cutter:
    """.svc files without their finest levels: `cutter(content, name)` is the smaller file and its statistics."""

    def __init__(self, levels: int | None = None, bytes: int | None = None):
        """Keep what all files have in common.

        Args:
            levels: how many to keep, as for `svcodec.cut`.
            bytes: likewise.
        """
        self.levels = levels
        self.bytes = bytes

    def __call__(self, content: bytes, name: str) -> tuple[bytes, dict[str, Any]]:
        """Cut one file.

        Args:
            content: of an .svc file.
            name: for the statistics.

        Returns:
            The smaller file's bytes, and the statistics, as of `Encoder`.

        Raises:
            SvcodecError: as `svcodec.cut`.
        """
        from .. import cut, inspect

        smaller = cut(content, self.levels, bytes=self.bytes)
        return smaller, _statistics(name, len(content), len(smaller), inspect(smaller))


def _statistics(
    name: str, before: int, after: int, info: Info, reduce: int = 1, region: Sequence[int] | None = None
) -> dict[str, Any]:
    left, top, width, height = region or (0, 0, info.width, info.height)
    stream = info.bytes
    return {
        "file": name,
        "bytes_before": before,
        "bytes_after": after,
        "width": -(-(left + width) // reduce) - left // reduce,
        "height": -(-(top + height) // reduce) - top // reduce,
        "ratio": round((before + after - stream) / stream, 3),
        "bits_per_pixel": round(info.bits_per_pixel, 4),
    }


def _growth(before: int, after: int, tier: str | None) -> str:
    text = f"the .svc file is {after / before:.1f} times as large as the picture's, {after:,} bytes after {before:,}"
    return f"{text}: lossless keeps each pixel, also what JPEG made of it" if tier == "lossless" else text

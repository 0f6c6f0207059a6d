"""What stands in an .svc file, read without decoding it: needs no torch."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from ..bitstream.container import Coding, Colour, Verdict, section_sizes, unpack
from ..bitstream.links import read_links
from .memory import tells_out_of_memory
from .sources import Source, read_stream
from .tiers import SPECS


@dataclass(frozen=True)
class Segment:
    """What one variable of the model took.

    Attributes:
        name: u, z1 .. z3, y0 .. y3, where y0 is the picture, of the paper's models up to z6 and y6; borrowed, for what
            bits-back began with.
        coding: "direct" or "bits-back".
        bits: net of what bits-back returned.
        saved_bits: against the other way of coding it, where both were tried.
    """

    name: str
    coding: str
    bits: int
    saved_bits: int


@dataclass(frozen=True)
class Judgement:
    """What the gate found when the picture was encoded.

    Attributes:
        score: of the picture, about 0 to 1 for photos.
        threshold: the least score of what is accepted.
        accepted: whether the picture passed for a photo.
    """

    score: float
    threshold: float
    accepted: bool


@dataclass(frozen=True)
class Info:
    """Description of an .svc file.

    Attributes:
        tier: its name.
        mode: the selfVAE paper's name of the tier's reconstruction mode.
        quality: 1..100, or None where the tier takes none.
        tune: "psnr" or "ssim", or None where the tier takes none.
        width, height: in pixels.
        colour: "grey" or "RGB".
        bits_per_sample: 8 or 16.
        has_alpha: an alpha channel is stored.
        model, model_hash: name, and first 8 bytes of the SHA-256 in hexadecimal; None where the picture is plain.
        machine_bound: only machines that compute floats as the encoder's did are sure to decode it.
        plain: "stored", "deflated" or "webp" for a picture written without a model, otherwise None.
        bytes: of the file.
        bits_per_pixel: of the file.
        pictures: how many there are on one stack: 1, or those of a chain, of which segments and size are all, and the
            rest is the first one's.
        levels: of the four that tiles are coded in, how many a file has that was cut; None for one that was not.
        segments: of the coded data.
        sections: bytes of header, sections and end by name, "kind 200" for one that only newer readers know; they add
            up to the file.
        gate: what the gate found, or None where it was not asked.
    """

    tier: str
    mode: str
    quality: int | None
    tune: str | None
    width: int
    height: int
    colour: str
    bits_per_sample: int
    has_alpha: bool
    model: str | None
    model_hash: str | None
    machine_bound: bool
    plain: str | None
    bytes: int
    bits_per_pixel: float
    pictures: int
    levels: int | None
    segments: tuple[Segment, ...]
    sections: dict[str, int]
    gate: Judgement | None

    def as_dict(self) -> dict[str, Any]:
        """The attributes by name, segments and judgement as dictionaries too."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """The same as a JSON object."""
        return json.dumps(self.as_dict(), indent=2)


@tells_out_of_memory
def inspect(source: Source, *, partial: bool = False) -> Info:
    """Describe an .svc file without decoding it.

    Args:
        source: a path, a binary file object, or the file's content as bytes, bytearray or memoryview.
        partial: a file that ends early will do, as for `decode`; sections and levels are those that are there.

    Raises:
        InputError: the source can't be read.
        StreamError: it is no intact .svc file.
        OutOfMemoryError: memory ran out.
    """
    data = read_stream(source)
    stream = unpack(data, partial)
    if stream.early:
        from .streams import beginning  # only here: inspecting whole files does without NumPy

        stream = beginning(stream)
    spec = SPECS[stream.tier]
    pictures = [stream] if stream.chain is None else [unpack(link.file) for link in read_links(stream.chain)]
    return Info(
        tier=spec.name,
        mode=spec.mode,
        quality=stream.quality,
        tune=None if stream.tune is None else stream.tune.name.lower(),
        width=stream.width,
        height=stream.height,
        colour="grey" if stream.colour is Colour.GREY else "RGB",
        bits_per_sample=8 if stream.fine is None else 16,
        has_alpha=stream.alpha is not None,
        model=stream.model_name or None,
        model_hash=stream.model_hash.hex() or None,
        machine_bound=stream.machine is not None,
        plain=stream.plain.form.name.lower() if stream.plain else None,
        bytes=len(data),
        bits_per_pixel=8 * len(data) / sum(each.width * each.height for each in pictures),
        pictures=len(pictures),
        levels=stream.levels,
        segments=tuple(
            Segment(
                name=entry.variable.name.lower(),
                coding="direct" if entry.coding is Coding.DIRECT else "bits-back",
                bits=entry.bits,
                saved_bits=entry.saved,
            )
            for entry in stream.account
        ),
        sections=section_sizes(data, partial),
        gate=None if stream.verdict is None else _judgement(stream.verdict),
    )


def _judgement(verdict: Verdict) -> Judgement:
    return Judgement(verdict.score / 1000, verdict.threshold / 1000, verdict.score >= verdict.threshold)

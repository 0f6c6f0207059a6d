"""The codec: pictures to .svc streams and back."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image

from ..arrays import Pixels
from ..bitstream.container import Stream, Tier, Verdict, pack
from ..bitstream.forms import Plain
from ..errors import DroppedWarning, InputError, OutlierWarning, RejectedError
from ..gate.assessment import Assessment, Calibration
from ..gate.gate import Gate
from ..tunes import Tune
from . import choice, lossy
from .arguments import GATES, MAX_PIXELS
from .family import roads
from .family.family_model import FamilyModel
from .flats import Flats
from .gate_files import load_gate
from .ledger import Coded
from .memory import ENCODING, cost_of, refuse_what_does_not_fit, tells_out_of_memory
from .model import Model
from .model_files import load_model, located, photo_model, reload_model
from .pictures import Picture, PictureLike, read_picture, to_array, to_image
from .pictures.strip import stripped
from .rendering import decode_stream
from .sixteen import Split
from .sources import Source, prefix, read_bytes
from .streams import open_stream, plain_picture, refuse_without_mode, unfilled
from .targets import Target
from .tiers import TierSpec, checked_effort, checked_quality, checked_tune, spec_of
from .verification import check_given_back
from .views import Region, View

ADVICE = "store it as a PNG or lossless WebP, or code it all the same with the gate set to warn"


class Codec:
    """Encoder and decoder with one model, reusable and stateless between calls, in any thread and process.

    A pickled codec finds its model's file again where it is unpickled.

    Attributes:
        model: the loaded model; its `name` and `hash` are what streams carry.
    """

    @tells_out_of_memory
    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        device: str = "cpu",
        calibration: Calibration | str | os.PathLike[str] | None = None,
    ):
        """Load a model.

        Args:
            model: name of a model in the package or registered by `register_model`, or path of a .safetensors file;
                None for the default one.
            device: where networks run, as torch names it.
            calibration: of the gate, by `calibrate`, or path of a file of `svcodec gate calibrate`; None for the
                threshold that comes with the gate.

        Raises:
            ModelError: there is no such model or device, this machine does not compute the model exactly, or the
                calibration can't be understood.
            InputError: the calibration can't be opened.
            OutOfMemoryError: memory ran out.
        """
        if calibration is not None and not isinstance(calibration, Calibration):
            if not isinstance(calibration, (str, os.PathLike)):
                raise InputError(f"a calibration is given by its path, not as {type(calibration).__name__}")
            calibration = Calibration.from_json(read_bytes(calibration), f"calibration {os.fsdecode(calibration)}")
        self._calibration = calibration
        self.model = load_model(model, device)
        self._source = located(model)

    def __getstate__(self) -> tuple[Calibration | None, str | Path, bytes, str]:
        return self._calibration, self._source, self.model.hash, str(self.model.device)

    def __setstate__(self, state: tuple[Calibration | None, str | Path, bytes, str]) -> None:
        self._calibration, self._source = state[:2]
        self.model = reload_model(*state[1:])

    @cached_property
    def gate(self) -> Gate:
        """What `assess` asks, loaded when it is first used.

        Raises:
            ModelError: it can't be read, or the calibration belongs to another one.
        """
        gate = load_gate(self._source)
        return gate if self._calibration is None else gate.calibrated(self._calibration)

    @tells_out_of_memory
    def assess(self, image: PictureLike, *, max_pixels: int | None = MAX_PIXELS) -> Assessment:
        """Whether a picture is a photo.

        Args:
            image: as for `encode`.
            max_pixels: as for `encode`.

        Raises:
            InputError: the picture can't be coded; TooLargeError for one with more pixels.
            ModelError: as for `gate`.
            OutOfMemoryError: memory ran out.
        """
        return self.gate.assess(Split(read_picture(image, max_pixels=max_pixels).pixels).coarse)

    @property
    def photo_model(self) -> Model:
        """The model, where it is one of photos. Raises ModelError for one of the family."""
        return photo_model(self.model)

    def calibrate(self, scores: Sequence[float], *, false_alarms: float = 0.01, photos: str = "") -> Calibration:
        """A threshold for the gate by what `assess` scored photos of your own, for `Codec(calibration=...)`.

        Args:
            scores: of photos only.
            false_alarms: share of them to be flagged, between 0 and 1.
            photos: what they are, for the record.

        Raises:
            InputError: the share is out of range, or the scores are too few for it.
            ModelError: as for `gate`.
        """
        return Calibration.of_scores(self.gate.hash, scores, false_alarms, photos)

    @tells_out_of_memory
    def encode(
        self,
        image: PictureLike,
        *,
        tier: str = "standard",
        quality: int | None = None,
        tune: str | None = None,
        effort: int | None = None,
        bytes: int | None = None,
        bpp: float | None = None,
        psnr: float | None = None,
        ssimulacra2: float | None = None,
        gate: str = "off",
        verify: bool = False,
        strip: str | None = None,
        max_pixels: int | None = MAX_PIXELS,
    ) -> bytes:
        """A picture as the bytes of an .svc file.

        Args:
            image: a path, a binary file object or a file's content (bytes, bytearray, memoryview) in any format that
                Pillow reads; a Pillow image; or uint8 or uint16 samples: an array (h, w) or (h, w, 1) grey, (h, w, 2)
                grey and alpha, (h, w, 3) RGB, (h, w, 4) RGBA, or a tensor of such a shape or with its channels first.
            tier: sketch, preview, standard, high or lossless. A drawing is written without loss where that takes at
                most a quarter more bytes, whatever the tier.
            quality: 1..100 for sketch, standard and high; None for the tier's default.
            tune: for the same tiers, ssim (for the eye) or psnr (for the least squared error); None for ssim.
            effort: 1 (fastest) .. 9 (smallest) for lossless; None for the default, 5.
            bytes: for sketch, standard and high, instead of a quality: the most that the file may have. The best
                quality is found that does, in a few encodings.
            bpp: the same in bits per pixel.
            psnr: the least that the decoded picture may have, in dB: the least quality is found that does, likewise.
            ssimulacra2: the same by SSIMULACRA 2, which takes the package ssimulacra2 and sides of 256 pixels.
            gate: off, or what to do with a picture that `assess` does not accept: warn (`OutlierWarning`), unless a
                lossy tier wrote it without loss, or reject.
            verify: decode the bytes and compare, before they are returned: they give back what was meant, or an error.
            strip: gps to leave out GPS positions, all for all metadata but ICC profile and orientation.
                Of what remains `DroppedWarning` names what an .svc file does not hold.
            max_pixels: the most that the picture may have; None for as many as the format allows, 2^28.

        Raises:
            InputError: the picture, the tier, the quality, the tune or the effort can't be coded, or no quality reaches
                what is aimed at.
            RejectedError: an InputError, the gate's.
            TooLargeError: an InputError, of a picture with more pixels, or of one that does not fit in memory.
            ModelError: as for `gate`, unless that is off; the networks are no longer computed exactly, or the bytes do
                not give back what was meant.
            OutOfMemoryError: memory ran out all the same.
            MissingPackageError: ssimulacra2 is not installed.
        """
        if not isinstance(gate, str) or gate not in GATES:
            raise InputError(f"there is no gate {gate!r}: it is one of {', '.join(GATES)}")
        spec = spec_of(tier)
        target = Target.of({"bytes": bytes, "bpp": bpp, "psnr": psnr, "ssimulacra2": ssimulacra2}, spec, quality)
        if isinstance(self.model, FamilyModel) and (quality, tune, effort, target) != (None,) * 4:
            raise InputError(f"model {self.model.name} takes neither quality nor tune nor effort nor a target")
        quality, effort = checked_quality(spec, quality), checked_effort(spec, effort)
        tuned = checked_tune(spec, tune)
        picture = stripped(read_picture(image, max_pixels=max_pixels), strip)
        deep = picture.pixels.dtype == np.uint16
        if deep and effort is None:
            advice = "code it in tier lossless, or scale it to 8 first"
            raise InputError(f"{prefix(image)}has 16 bits per sample, which {spec.name} can't keep: {advice}")
        height, width = picture.pixels.shape[:2]
        if self.model.device.type == "cpu":
            refuse_what_does_not_fit("encoding", cost_of(ENCODING, spec.tier, deep), width, height)
        split = Split(picture.pixels)
        if picture.dropped:
            warnings.warn(f"not kept: {', '.join(picture.dropped)}", DroppedWarning, stacklevel=3)
        assessment = None if gate == "off" else self.gate.assess(split.coarse)
        flagged = assessment if assessment and not assessment.accepted else None
        if flagged and gate == "reject":
            raise RejectedError(f"{flagged}: {ADVICE}", flagged)
        family = self.model if isinstance(self.model, FamilyModel) else None
        quality = None if family else quality
        bare = replace(
            unfilled(picture, spec.tier, self.model.name, self.model.hash),
            verdict=None if assessment is None else _verdict(assessment),
            fine=None if effort is None else split.section(effort),
            machine=None if family is None else family.fingerprint,
        )

        def packed(coded: Coded | Plain, quality: int | None) -> Any:  # `bytes` is an argument here
            if isinstance(coded, Plain):
                return pack(replace(bare, tier=Tier.LOSSLESS, model_name="", model_hash=b"", plain=coded))
            learned = replace(
                bare,
                quality=quality,
                tune=None if quality is None else tuned,
                codes=coded.codes,
                account=coded.account,
                flats=coded.flats,
            )
            return pack(learned)

        drawing = None if family or spec.exact else choice.as_drawing(split.coarse)
        exact = None if drawing is None else packed(drawing, None)

        def file(quality: int | None, worth: float = 1.0) -> Any:
            learned = packed(self._coded(split.coarse, spec, quality, tuned, effort), quality)
            return learned if exact is None or worth * len(learned) < len(exact) else exact

        if target is None or quality is None:
            data = file(quality, choice.EXACT)
        else:
            data = target.reached(file, self._pixels, split.coarse, quality)
        if flagged and data is not exact:
            warnings.warn(str(flagged), OutlierWarning, stacklevel=3)
        if verify:
            lossless = spec.exact or data is exact
            check_given_back(lambda: self._picture(open_stream(data, None), View()), picture, lossless)
        return data

    def _pixels(self, data: bytes) -> Pixels:
        return self._picture(open_stream(data, None), View()).pixels.astype(np.uint8, copy=False)

    def _coded(
        self, pixels: Pixels, spec: TierSpec, quality: int | None, tune: Tune | None, effort: int | None
    ) -> Coded | Plain:
        model = self.model
        if isinstance(model, FamilyModel):
            return roads.encode(model, spec, pixels)

        def road() -> Coded | Plain:
            if effort is not None:
                return choice.encode(model, pixels, effort)
            flats = Flats.found(pixels) if spec.keeps_flats(quality) else None
            return lossy.Encoder(model, spec, model.at(quality, tune), pixels, flats).encode()

        return model.compute(pixels.shape[0] * pixels.shape[1], road)

    @tells_out_of_memory
    def decode(
        self,
        source: Source,
        *,
        seed: int | None = None,
        reduce: int = 1,
        region: Region | None = None,
        partial: bool = False,
        max_pixels: int | None = MAX_PIXELS,
    ) -> PIL.Image.Image:
        """The picture of an .svc file, as `svcodec.decode` returns it; arguments and errors are its own.

        Raises ModelError, too, where the picture was made with another model.
        """
        view = View.of(seed, reduce, region, partial)
        stream = open_stream(source, max_pixels, view.partial)
        refuse_without_mode(stream)
        return to_image(self._picture(stream, view))

    @tells_out_of_memory
    def decode_array(
        self,
        source: Source,
        *,
        seed: int | None = None,
        reduce: int = 1,
        region: Region | None = None,
        partial: bool = False,
        max_pixels: int | None = MAX_PIXELS,
    ) -> npt.NDArray[Any]:
        """The samples of any .svc file, as `svcodec.decode_array` returns them; arguments and errors are its own."""
        view = View.of(seed, reduce, region, partial)
        return to_array(self._picture(open_stream(source, max_pixels, view.partial), view))

    def _picture(self, stream: Stream, view: View) -> Picture:
        if stream.plain:
            return plain_picture(stream, stream.plain, view)
        return decode_stream(self.model, stream, view)


def _verdict(assessment: Assessment) -> Verdict:
    return Verdict(round(1000 * assessment.score), round(1000 * assessment.threshold))

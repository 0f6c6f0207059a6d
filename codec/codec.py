"""The codec: pictures to .svc streams and back."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import PIL.Image

from ..arrays import Pixels
from ..bitstream.container import Colour, Stream, Verdict, pack
from ..bitstream.forms import Plain
from ..bitstream.stack import Stack
from ..errors import DroppedWarning, InputError, ModelError, OutlierWarning, RejectedError, StreamError
from ..gate.assessment import Assessment, Calibration
from ..gate.gate import Gate
from ..models.exact import exact_arithmetic
from ..models.threads import own_threads
from . import choice, lossless, lossy
from .arguments import GATES, MAX_PIXELS
from .choice import Coded
from .gate_files import load_gate
from .model import Model
from .model_files import load_model
from .pictures import Picture, PictureLike, encode_alpha, read_picture
from .pictures.strip import stripped
from .sources import Source, read_bytes
from .streams import alpha_of, image_of, open_stream, plain_image
from .tiers import SPECS, checked_effort, checked_quality, checked_tune, spec_of

ADVICE = "store it as a PNG or lossless WebP, or code it all the same with the gate set to warn"


class Codec:
    """Encoder and decoder with one model, reusable and stateless between calls.

    Attributes:
        model: the loaded model; its `name` and `hash` are what streams carry.
    """

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
                threshold that comes with the model.

        Raises:
            ModelError: there is no such model, or this machine does not compute it exactly.
        """
        self._model = Path(model) if isinstance(model, os.PathLike) else model
        self._calibration = calibration
        self.model = load_model(model, device)

    @cached_property
    def gate(self) -> Gate:
        """What `assess` asks, loaded when it is first used.

        Raises:
            ModelError: the model has no gate, or the gate or the calibration belongs to other weights.
            InputError: the calibration can't be opened.
        """
        gate = load_gate(self._model, self.model)
        if self._calibration is None:
            return gate
        if isinstance(self._calibration, Calibration):
            return gate.calibrated(self._calibration)
        return gate.calibrated(Calibration.from_json(read_bytes(self._calibration)))

    def assess(self, image: PictureLike) -> Assessment:
        """Whether a picture is a photo like those that the model was trained on.

        Args:
            image: as for `encode`.

        Raises:
            InputError: the picture can't be coded.
            ModelError: as for `gate`.
        """
        return self._assess(read_picture(image))

    def _assess(self, picture: Picture) -> Assessment:
        gate = self.gate
        with own_threads(_size(picture)):
            return gate.assess(picture.pixels)

    def calibrate(self, scores: Sequence[float], *, false_alarms: float = 0.01, photos: str = "") -> Calibration:
        """A threshold for the gate by what `assess` scored photos of your own, for `Codec(calibration=...)`.

        Args:
            scores: in nats per dimension, of photos only.
            false_alarms: share of them to be flagged, between 0 and 1.
            photos: what they are, for the record.

        Raises:
            InputError: the share is out of range, or the scores are too few for it.
            ModelError: as for `gate`.
        """
        return Calibration.of_scores(self.gate.hash, scores, false_alarms, photos)

    def encode(
        self,
        image: PictureLike,
        *,
        tier: str = "standard",
        quality: int | None = None,
        tune: str | None = None,
        effort: int | None = None,
        gate: str = "off",
        strip: str | None = None,
    ) -> bytes:
        """A picture as the bytes of an .svc file.

        Args:
            image: a path, a binary file object or a file's content (bytes, bytearray, memoryview) in any format that
                Pillow reads; a Pillow image; or uint8 samples: an array (h, w) or (h, w, 1) grey, (h, w, 2) grey and
                alpha, (h, w, 3) RGB, (h, w, 4) RGBA, or a tensor of such a shape or with its channels first.
            tier: sketch, preview, standard, high or lossless.
            quality: 1..100 for sketch, standard and high; None for the tier's default.
            tune: for the same tiers, ssim (for the eye) or psnr (for the least squared error); None for ssim.
            effort: 1 (fastest) .. 9 (smallest) for lossless; None for the default, 5.
            gate: off, or what to do with a picture that `assess` does not accept: warn (`OutlierWarning`) or reject.
            strip: gps to leave out GPS positions, all for all metadata but ICC profile and orientation.
                Of what remains `DroppedWarning` names what an .svc file does not hold.

        Raises:
            InputError: the picture, the tier, the quality, the tune or the effort can't be coded.
            RejectedError: an InputError, the gate's.
            ModelError: as for `gate`, unless that is off.
        """
        if gate not in GATES:
            raise InputError(f"there is no gate {gate!r}: it is one of {', '.join(GATES)}")
        spec = spec_of(tier)
        quality, effort = checked_quality(spec, quality), checked_effort(spec, effort)
        tuned = checked_tune(spec, tune)
        picture = stripped(read_picture(image), strip)
        if picture.dropped:
            warnings.warn(f"not kept: {', '.join(picture.dropped)}", DroppedWarning, stacklevel=2)
        assessment = None if gate == "off" else self._assess(picture)
        if assessment and not assessment.accepted:
            if gate == "reject":
                raise RejectedError(f"{assessment}: {ADVICE}", assessment)
            warnings.warn(str(assessment), OutlierWarning, stacklevel=2)
        coded: Coded | Plain
        with own_threads(_size(picture)), exact_arithmetic():
            if effort is None:
                stack = Stack(self.model.residuals)
                account = lossy.encode(self.model, stack, spec, self.model.at(quality, tuned), picture.pixels)
                coded = Coded(stack.to_bytes(), account)
            else:
                coded = choice.encode(self.model, picture.pixels, effort)
        plain = coded if isinstance(coded, Plain) else None
        height, width = picture.pixels.shape[:2]
        return pack(
            Stream(
                tier=spec.tier,
                colour=Colour.GREY if picture.pixels.ndim == 2 else Colour.RGB,
                quality=quality,
                tune=tuned,
                width=width,
                height=height,
                model_name="" if plain else self.model.name,
                model_hash=b"" if plain else self.model.hash,
                codes=b"" if isinstance(coded, Plain) else coded.codes,
                account=() if isinstance(coded, Plain) else coded.account,
                alpha=None if picture.alpha is None else encode_alpha(picture.alpha),
                metadata=picture.metadata,
                verdict=None if assessment is None else _verdict(assessment),
                plain=plain,
            )
        )

    def decode(
        self, source: Source, *, seed: int | None = None, max_pixels: int | None = MAX_PIXELS
    ) -> PIL.Image.Image:
        """The picture of an .svc file, mode L, LA, RGB or RGBA, with its profile and metadata in `info`.

        Args:
            source: a path, a binary file object, or the file's content as bytes, bytearray or memoryview.
            seed: with which to draw what the tier does not code, 0 or more; None takes the model's mean instead.
            max_pixels: the most that the picture may have; None for as many as the format allows, 2^28.

        Raises:
            InputError: the source can't be read, or an argument is out of range.
            StreamError: it is no intact .svc file.
            TooLargeError: a StreamError, of a picture with more pixels.
            ModelError: it was made with another model.
        """
        stream = open_stream(source, seed, max_pixels)
        return plain_image(stream, stream.plain) if stream.plain else decode_stream(self.model, stream, seed)


def decode_stream(model: Model, stream: Stream, seed: int | None) -> PIL.Image.Image:
    """The picture of a stream that is not plain.

    Args:
        model: that it was made with.
        seed: 0 or more, or None.

    Raises:
        StreamError: its content is damaged.
        ModelError: it was made with another model.
    """
    if (stream.model_name, stream.model_hash) != (model.name, model.hash):
        raise ModelError(
            f"the file was made with model {stream.model_name} ({stream.model_hash.hex()}), "
            f"not with {model.name} ({model.hash.hex()})"
        )
    spec, size = SPECS[stream.tier], (stream.height, stream.width)
    grey = stream.colour is Colour.GREY
    alpha = alpha_of(stream)

    def pixels_of_stack() -> Pixels:
        stack = Stack.from_bytes(stream.codes, model.residuals)
        with own_threads(stream.width * stream.height), exact_arithmetic():
            if spec.exact:
                return lossless.decode(model, stack, size, grey)
            return lossy.decode(model, stack, spec, model.at(stream.quality, stream.tune), size, grey, seed)

    if seed is not None:  # nothing says whether such a picture is right
        model.test()
    kernel = model.kernel
    try:
        pixels = pixels_of_stack()
    except StreamError:  # the stream is damaged, or the machine not exact
        model.test()
        if model.kernel is kernel:
            raise
        pixels = pixels_of_stack()
    return image_of(stream, pixels, alpha)


def _size(picture: Picture) -> int:
    height, width = picture.pixels.shape[:2]
    return height * width


def _verdict(assessment: Assessment) -> Verdict:
    return Verdict(round(1000 * assessment.score), round(1000 * assessment.threshold))


def encode(
    image: PictureLike,
    *,
    tier: str = "standard",
    quality: int | None = None,
    tune: str | None = None,
    effort: int | None = None,
    gate: str = "off",
    strip: str | None = None,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    calibration: Calibration | str | os.PathLike[str] | None = None,
) -> bytes:
    """A picture as the bytes of an .svc file, by a codec for this one call.

    Args:
        image: a path, a binary file object, bytes of a picture file, a Pillow image, a uint8 array (h, w) or (h, w, c)
            with 1 to 4 channels, or such a tensor, that one also with its channels first: see `Codec.encode`.
        tier: sketch, preview, standard, high or lossless.
        quality: 1..100 for sketch, standard and high; None for the tier's default.
        tune: ssim or psnr for the same tiers; None for ssim.
        effort: 1..9 for lossless; None for 5.
        gate: off, or what to do with a picture that is no photo: warn (`OutlierWarning`) or reject.
        model: as for `Codec`.
        device: as for `Codec`.
        calibration: as for `Codec`.

    Raises:
        InputError: the picture or an argument can't be coded; RejectedError where the gate rejects it.
        ModelError: the model or its gate is not there, or is not computed exactly on this machine.
    """
    codec = Codec(model, device=device, calibration=calibration)
    return codec.encode(image, tier=tier, quality=quality, tune=tune, effort=effort, gate=gate, strip=strip)


def assess(
    image: PictureLike,
    *,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    calibration: Calibration | str | os.PathLike[str] | None = None,
) -> Assessment:
    """Whether a picture is a photo like those that the model was trained on.

    Args:
        image: as for `encode`.
        model: as for `Codec`.
        device: as for `Codec`.
        calibration: as for `Codec`.

    Raises:
        InputError: the picture can't be coded.
        ModelError: the model or its gate is not there, or is not computed exactly on this machine.
    """
    return Codec(model, device=device, calibration=calibration).assess(image)

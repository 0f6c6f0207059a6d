"""A loaded model: its networks, its tables, and the test whether this machine computes them exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..bitstream.stack import Stack
from ..bitstream.tables import OFFSETS, SCALES, ResidualTables
from ..errors import ModelError
from ..forks import FreshLock
from ..models import integers, storage
from ..models.arithmetic import Result, exact_arithmetic, undisturbed
from ..models.blocks import Rate
from ..models.exact import ExactConv2d, ExactnessError
from ..models.frequencies import MixtureTables
from ..models.kernels import FLOAT32, FLOAT64, INT8, Kernel
from ..models.likelihoods import PhaseMixtures
from ..models.machine import Canary, device_of, kernel_for
from ..models.photo import EXACT_QUALITY, EXACT_TUNE, LEVELS, PhotoNetwork, draw_mean
from ..models.pyramid import level_sizes
from ..tunes import Tune

FORMAT = "svcodec-selfvae-2"
_testing = FreshLock()


class Model:
    """A trained selfVAE with the tables that its streams are coded with.

    Attributes:
        name: as it stands in streams.
        hash: the first 8 bytes of the file's SHA-256, likewise.
        source: by which `load_model` finds it in any process: the name of a model in the package, or an absolute path.
        network: on its grids, in evaluation mode.
        residuals: tables of the latents' priors.
        mixtures: tables of the levels' likelihoods.
        device: where the network runs.
        kernel: by which convolutions of eight bits are computed.
    """

    def __init__(self, name: str, hash_: bytes, content: bytes, device: str, source: str | Path):
        """Raises ModelError for content that is no model file's, and as `device_of`.

        Before it encodes, it has to pass `test`.
        """
        self.name, self.hash, self.source = name, hash_, source
        self.device = device_of(device)
        try:
            with exact_arithmetic(self.device.type), torch.random.fork_rng(devices=[]):  # new layers draw weights
                self._load(content)
        except (LookupError, RuntimeError, ValueError, ExactnessError) as error:
            raise ModelError(f"model {name} can't be loaded: {error}") from error
        self._tested = False

    def _load(self, content: bytes) -> None:
        tensors, self._known = storage.from_bytes(content)
        if self._known.get("format") != FORMAT:
            raise ModelError(
                f"model {self.name}: its format is {self._known.get('format')}, this release reads {FORMAT}"
            )
        network = integers.from_integers(tensors)
        self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.residuals = ResidualTables(
            tensors["tables.residual.cdf"].numpy(), tensors["tables.residual.inverse_scales"].numpy()
        )
        self.mixtures = MixtureTables(
            *(tensors[f"tables.mixture.{key}"].to(self.device) for key in ("sigmoid", "weights", "inverse_scales"))
        )
        self._use(kernel_for(self.device.type))

    def at(self, quality: float | None = None, tune: Tune | None = None) -> Rate:
        """Quality and tune as networks take them, for one picture; None stands for those of tiers that take none."""
        quality = EXACT_QUALITY if quality is None else quality
        return Rate.of(quality, EXACT_TUNE if tune is None else tune, 1, self.device)

    def test(self) -> None:
        """Compare known words and a known answer, once, falling back to float64 sums, which no algorithm can round.

        Raises:
            ModelError: this machine does not compute the model exactly.
        """
        with _testing:
            if not self._tested:
                self._test()
            self._tested = True

    def compute(self, pixels: int, work: Callable[[], Result]) -> Result:
        """What `work` returns, computed as `undisturbed` says, and by a machine that still computes exactly.

        Raises:
            ModelError: it does not, or as for `undisturbed`.
        """

        def checked() -> Result:
            result = work()
            if not self._canary.sings():
                raise ModelError(f"model {self.name} is no longer computed exactly, though it was when it was loaded")
            return result

        return undisturbed(self.device.type, pixels, checked)

    def _test(self) -> None:
        if known_words(self.residuals) != self._known.get("words"):
            raise ModelError(
                f"model {self.name}: the installed constriction does not code as this format wants it; "
                "install one that svcodec asks for"
            )
        answer = self._known.get("answer")
        if self._answer() == answer:
            return
        self._use(FLOAT64)
        if self._answer() != answer:
            raise ModelError(f"model {self.name} is not computed exactly on this machine ({self.device})")

    def _answer(self) -> str:
        return undisturbed(self.device.type, 0, lambda: known_answer(self.network, self.device))

    def _use(self, kernel: Kernel) -> None:
        """Compute by a kernel, but layers of more than eight bits in floats that nothing shortens meanwhile."""
        wider = FLOAT32 if kernel in (INT8, FLOAT32) else FLOAT64
        for module in self.network.modules():
            if isinstance(module, ExactConv2d):
                module.kernel = kernel if module.eight_bits else wider
        self.kernel = kernel
        with exact_arithmetic(self.device.type):
            self._canary = Canary(kernel, wider, str(self.device))


def known_words(residuals: ResidualTables) -> str:
    """SHA-256 of what the entropy coder makes of a few fixed symbols: how it rounds is part of the format."""
    numbers = np.arange(1 << 10)
    stack = Stack(residuals)
    stack.seal(0)
    stack.push_symbols(numbers % 16, 1 + numbers[:, None] * (7 + np.arange(16)) % 4099)
    stack.push_residuals(numbers % 97 - 48, numbers * 29 % SCALES, numbers % OFFSETS)
    stack.push_uniform(numbers % 16, 4)
    words = np.frombuffer(stack.to_bytes(), "<u4")[::-1]  # from the bottom, as models know them
    return hashlib.sha256(words.tobytes()).hexdigest()


def known_answer(network: PhotoNetwork, device: torch.device) -> str:
    """SHA-256 of what the decoding networks make of a small fixed picture: every layer of theirs has a part in it."""
    digest = hashlib.sha256()

    def take(*values: Tensor) -> None:
        for value in values:
            digest.update(value.cpu().contiguous().numpy().tobytes())

    def visit(quarter: int, mixtures: PhaseMixtures) -> Tensor:
        take(mixtures.logits, mixtures.means, mixtures.log_scales, mixtures.coefficients)
        return torch.floor(mixtures.base.clamp(0.0, 255.0))

    with exact_arithmetic(device.type):
        count = torch.arange(3 * 16 * 16, dtype=torch.int64, device="cpu")
        gist = ((count * count * 7 + count * 31) % 251).float().view(1, 3, 16, 16).to(device)
        sizes = level_sizes((128, 128), LEVELS)
        for quality, tune in ((10.0, Tune.PSNR), (90.0, Tune.SSIM)):
            rate = Rate.of(quality, tune, 1, device)
            mean, features = network.ladder.gist(gist, rate)
            network.gist_likelihood(mean, features, visit)
            picture = network.ladder.descend(mean, features, rate, sizes, lambda k, level: draw_mean)
            take(mean, picture)
        network.level_likelihood(1, gist, gist.new_zeros(1, 9, 16, 16), visit)
        return digest.hexdigest()

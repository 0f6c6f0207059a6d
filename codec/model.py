"""Model files: networks and tables as integers, loaded by name or path."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..bitstream.tables import ResidualTables
from ..errors import ModelError
from ..files import write_whole
from ..models import density, integers, storage
from ..models.exact import ExactConv2d, ExactnessError, exact_arithmetic
from ..models.frequencies import MixtureTables
from ..models.likelihoods import PhaseMixtures
from ..models.pyramid import level_sizes
from ..models.selfvae import LEVELS, SelfVAE, draw_mean

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

DEFAULT_MODEL = "photo-4"
FORMAT = "svcodec-selfvae-1"


class Model:
    """A trained selfVAE with the tables that its streams are coded with.

    Attributes:
        name: as it stands in streams.
        hash: the first 8 bytes of the file's SHA-256.
        network: on its grids, in evaluation mode.
        residuals: tables of the latents' priors.
        mixtures: tables of the levels' likelihoods.
        device: where the network runs.
    """

    def __init__(self, name: str, content: bytes, device: str = "cpu"):
        """Raises ModelError for a file that is no model, or a machine that does not compute it exactly."""
        self.name = name
        self.hash = hashlib.sha256(content).digest()[:8]
        try:
            self.device = torch.device(device)
            tensors, metadata = storage.from_bytes(content)
            if metadata.get("format") != FORMAT:
                raise ModelError(f"model {name}: its format is {metadata.get('format')}, this release reads {FORMAT}")
            network = integers.from_integers(tensors)
            self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.residuals = ResidualTables(
                tensors["tables.residual.cdf"].numpy(), tensors["tables.residual.inverse_scales"].numpy()
            )
            self.mixtures = MixtureTables(
                *(tensors[f"tables.mixture.{key}"].to(self.device) for key in ("sigmoid", "weights", "inverse_scales"))
            )
        except (KeyError, RuntimeError, ValueError, ExactnessError) as error:
            raise ModelError(f"model {name} can't be loaded: {error}") from error
        self._test(metadata.get("answer"))

    def at(self, quality: float) -> Tensor:
        """A quality as networks take it, float32 (1,)."""
        return torch.tensor([quality], dtype=torch.float32, device=self.device)

    def _test(self, answer: str | None) -> None:
        """Compare a known answer; fall back to float64 sums, which no algorithm can round, where it differs."""
        if known_answer(self.network, self.device) == answer:
            return
        for module in self.network.modules():
            if isinstance(module, ExactConv2d):
                module.wide = True
        if known_answer(self.network, self.device) != answer:
            raise ModelError(f"model {self.name} is not computed exactly on this machine ({self.device})")


@lru_cache(maxsize=4)
def load_model(name: str | Path | None = None, device: str = "cpu") -> Model:
    """The model of that name in the package, or in the file of that path; None for the default one.

    Raises ModelError where there is none.
    """
    name = str(name or DEFAULT_MODEL)
    file = weights_file(name)
    try:
        content = file.read_bytes()
    except OSError as error:
        reason = f"model {name}: {error.strerror}"
        if file.name != Path(name).name:
            reason = f"there is no model {name!r} in this release; give the path of its .safetensors file"
        raise ModelError(reason) from error
    return Model(Path(file.name).stem.lower(), content, device)


def weights_file(model: str, part: str = "") -> Traversable:
    """The file of the model of that name in the package, or of that path; with `part`, the one beside it."""
    path = Path(model)
    if path.suffix == ".safetensors":
        return path.with_stem(path.stem + part)
    return resources.files(__package__.rpartition(".")[0] + ".models") / "weights" / f"{model}{part}.safetensors"


def save_model(network: SelfVAE, path: Path) -> None:
    """Write a snapped network and freshly computed tables as a model file."""
    tensors = integers.to_integers(network)
    tensors |= {f"tables.mixture.{key}": value for key, value in MixtureTables.generate().arrays().items()}
    residual = {key: torch.from_numpy(value) for key, value in ResidualTables.generate(density.cdf).arrays().items()}
    tensors |= {f"tables.residual.{key}": value for key, value in residual.items()}
    answer = known_answer(integers.from_integers(tensors), torch.device("cpu"))
    write_whole(path, storage.to_bytes(tensors, {"format": FORMAT, "answer": answer}))


def known_answer(network: SelfVAE, device: torch.device) -> str:
    """SHA-256 of what the decoding networks make of a small fixed picture: every layer of theirs has a part in it."""
    digest = hashlib.sha256()

    def take(*values: Tensor) -> None:
        for value in values:
            digest.update(value.cpu().contiguous().numpy().tobytes())

    def visit(quarter: int, mixtures: PhaseMixtures) -> Tensor:
        take(mixtures.logits, mixtures.means, mixtures.log_scales, mixtures.coefficients)
        return torch.floor(mixtures.base.clamp(0.0, 255.0))

    with exact_arithmetic():
        count = torch.arange(3 * 16 * 16)
        gist = ((count * count * 7 + count * 31) % 251).float().view(1, 3, 16, 16).to(device)
        sizes = level_sizes((128, 128), LEVELS)
        for quality in torch.tensor([[10.0], [90.0]], device=device):
            mean, features = network.ladder.gist(gist, quality)
            network.gist_likelihood(mean, features, visit)
            picture = network.ladder.descend(mean, features, quality, sizes, lambda k, level: draw_mean)
            take(mean, picture)
        network.level_likelihood(1, gist, torch.zeros(1, 9, 16, 16, device=device), visit)
        return digest.hexdigest()

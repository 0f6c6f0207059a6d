"""A loaded model of the family, for coding: in float64, and what this machine makes of a known input."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path

import torch

from ...bitstream.container import FINGERPRINT_BYTES
from ...bitstream.stack import Stack
from ...bitstream.tables import ResidualTables
from ...errors import ModelError
from ...family import stored
from ...models import density
from ...models.arithmetic import Result, undisturbed

ONE_THREAD = 0  # pixels, for `undisturbed`: sums of floats hang on the number of threads


class FamilyModel:
    """A model of the family with what its streams are coded with.

    Attributes:
        name: as it stands in streams.
        hash: the first 8 bytes of the file's SHA-256, likewise.
        source: by which it is found in any process: a path or a name in the package.
        network: in float64.
        device: the CPU; a GPU would add in another order.
        fingerprint: of this machine's arithmetic, 8 bytes: machines that have the same decode one another's streams.
    """

    def __init__(self, name: str, hash_: bytes, content: bytes, device: str, source: str | Path):
        """Raises ModelError for content that is no model of the family, and for another device than the CPU."""
        self.name, self.hash, self.source = name, hash_, source
        self.device = torch.device(device)
        if self.device.type != "cpu":
            raise ModelError(f"model {name} codes on the CPU only: its sums are not exact, and a GPU's differ")
        self.network = stored.from_bytes(content, name).double()

    @property
    def side(self) -> int:
        """Of its tiles, in pixels."""
        return self.network.configuration.side

    def stack(self) -> Stack:
        """An empty stack."""
        return Stack(_tables())

    def test(self) -> None:
        """Nothing: whether this machine computes as the encoder did, a stream's seal tells."""

    def compute(self, work: Callable[[], Result]) -> Result:
        """What `work` returns, computed by one thread whatever the program has set.

        Raises:
            ModelError: torch can't compute.
        """
        return undisturbed(self.device.type, ONE_THREAD, work)

    @functools.cached_property
    def fingerprint(self) -> bytes:
        """See above."""
        return self.compute(self._fingerprint)

    def _fingerprint(self) -> bytes:
        network, digest = self.network, hashlib.sha256()
        count = torch.arange(3 * self.side**2, dtype=torch.float64)
        y = network.represent(((count * 37 + count * count * 11) % 251).view(1, 3, self.side, self.side))
        posteriors = network.posteriors(y)
        z = [posterior.mean for posterior in posteriors]
        for k in range(network.depth + 1):
            pixels = network.pixels(k, y, z)
            found = [z[k], pixels.logits, pixels.means, pixels.log_scales, pixels.log_mass(y[k])]
            if k < network.depth:
                found.append(network.conditional(k, y, z).mean)
            for values in found:
                digest.update(values.contiguous().numpy().tobytes())
        digest.update(network.prior.log_density(z[-1]).numpy().tobytes())
        return digest.digest()[:FINGERPRINT_BYTES]


@functools.cache
def _tables() -> ResidualTables:
    return ResidualTables.generate(density.cdf)

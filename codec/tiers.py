"""The five tiers and the reconstruction mode of the selfVAE paper (section 3.3) that each of them is."""

from dataclasses import dataclass

from ..bitstream.container import Tier
from ..errors import InputError
from ..tunes import Tune
from .arguments import whole_number

EFFORTS = (1, 9)  # the least and the most
QUALITIES = (1, 100)  # likewise
ALL_DETAILS = (3,)  # z_K .. z_1


@dataclass(frozen=True)
class TierSpec:
    """What a tier codes.

    Attributes:
        tier: as it stands in a file.
        mode: the paper's name of the reconstruction mode.
        quality: default quality, 1..100, or None where the tier takes none.
        gist_exact: y_K is coded exactly.
        details: how many of z_K .. z_1 may be coded, coarsest first; the encoder chooses.
        exact: y_{K-1} .. x are coded exactly.
        effort: default effort, 1..9, or None where the tier takes none.
        tune: default tune, or None where the tier takes none, as it does no quality.
    """

    tier: Tier
    mode: str
    quality: int | None
    gist_exact: bool
    details: tuple[int, ...]
    exact: bool
    effort: int | None = None
    tune: Tune | None = None

    @property
    def name(self) -> str:
        return self.tier.name.lower()

    @property
    def sampled(self) -> bool:
        """Whether a seed draws anything: whether the picture is not given by what is coded."""
        return not (self.details == ALL_DETAILS or self.exact)

    def keeps_flats(self, quality: int | None) -> bool:
        """Whether areas of one colour are exact: in `standard` and `high`, at the default quality and above."""
        least = self.quality if self.details == ALL_DETAILS else None
        return quality is not None and least is not None and quality >= least


SPECS = {
    spec.tier: spec
    for spec in (
        TierSpec(Tier.SKETCH, "reconstruction 1", 20, tune=Tune.SSIM, gist_exact=False, details=(0, 1, 2), exact=False),
        TierSpec(Tier.PREVIEW, "conditional reconstruction", None, gist_exact=True, details=(0,), exact=False),
        TierSpec(
            Tier.STANDARD, "reconstruction 2", 60, tune=Tune.SSIM, gist_exact=False, details=ALL_DETAILS, exact=False
        ),
        TierSpec(
            Tier.HIGH, "conditional generation", 80, tune=Tune.SSIM, gist_exact=True, details=ALL_DETAILS, exact=False
        ),
        TierSpec(Tier.LOSSLESS, "exact (not in the paper)", None, gist_exact=True, details=(0,), exact=True, effort=5),
    )
}
TIERS = tuple(spec.name for spec in SPECS.values())
TUNES = tuple(tune.name.lower() for tune in Tune)


def spec_of(name: str) -> TierSpec:
    """The tier of a name. Raises InputError for an unknown one."""
    for spec in SPECS.values():
        if spec.name == name:
            return spec
    raise InputError(f"unknown tier {name!r}; the tiers are {', '.join(TIERS)}")


def checked_quality(spec: TierSpec, quality: int | None) -> int | None:
    """The quality to code with: the default for None. Raises InputError for one that the tier can't take."""
    if quality is None:
        return spec.quality
    if spec.quality is None:
        raise InputError(f"tier {spec.name} takes no quality: only sketch, standard and high do")
    return whole_number("quality", quality, *QUALITIES)


def checked_tune(spec: TierSpec, tune: str | None) -> Tune | None:
    """The tune to code with: the default for None. Raises InputError for one that is unknown or can't be taken."""
    if tune is None:
        return spec.tune
    if spec.tune is None:
        raise InputError(f"tier {spec.name} takes no tune: only those with a quality do")
    if tune not in TUNES:
        raise InputError(f"unknown tune {tune!r}; the tunes are {', '.join(TUNES)}")
    return Tune[tune.upper()]


def checked_effort(spec: TierSpec, effort: int | None) -> int | None:
    """The effort to code with: the default for None. Raises InputError for one that the tier can't take."""
    if effort is None:
        return spec.effort
    if spec.effort is None:
        raise InputError(f"tier {spec.name} takes no effort: only lossless does")
    return whole_number("effort", effort, *EFFORTS)

"""What of a picture `decode` is asked for. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import InputError
from .arguments import halvings, truth_value, whole_number
from .tiling import Where, whole

if TYPE_CHECKING:
    from ..models.pyramid import Size

Region: TypeAlias = "tuple[int, int, int, int]"  # left, top, width and height, in pixels


@dataclass(frozen=True)
class View:
    """A picture or a part of it, at some size.

    Attributes:
        seed: draws what the tier does not code, 0 or more; None for its mean.
        times: how often sides are to be halved, 0..K.
        region: a part of the picture, before it is halved; None for all.
        partial: what there is of a file that ends early will do.
    """

    seed: int | None = None
    times: int = 0
    region: Region | None = None
    partial: bool = False

    @classmethod
    def of(cls, seed: Any, reduce: Any, region: Any, partial: bool) -> View:
        """The view of arguments of `decode`. Raises InputError for one that is out of range."""
        times = halvings(reduce)
        if seed is not None:
            seed = whole_number("seed", seed, 0)
        return cls(seed, times, None if region is None else _region(region), truth_value("partial", partial))

    def where(self, size: Size) -> Where:
        """The part, as rows and columns of a picture of that size. Raises InputError where it reaches beyond."""
        if self.region is None:
            return whole(size)
        left, top, width, height = self.region
        if left + width > size[1] or top + height > size[0]:
            raise InputError(
                f"the region of {width}x{height} pixels at {left},{top} reaches beyond the picture, which has "
                f"{size[1]}x{size[0]}"
            )
        return slice(top, top + height), slice(left, left + width)


def _region(given: Any) -> Region:
    try:
        left, top, width, height = given
    except (TypeError, ValueError) as error:
        raise InputError(f"a region is left, top, width and height, not {given!r}") from error
    return (
        whole_number("left of a region", left, 0),
        whole_number("top of a region", top, 0),
        whole_number("width of a region", width, 1),
        whole_number("height of a region", height, 1),
    )

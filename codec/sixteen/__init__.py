"""Sixteen bits per sample: upper bits that are coded as a picture of eight, and the lower ones given them.

`split` makes the two of one; `fine` codes the lower bits tile by tile: each sample by what lies around it
(`surroundings`), with parameters that fit the picture (`search`), as symbols on a stack (`coding`).
"""

from .split import Split, joined

__all__ = ["Split", "joined"]

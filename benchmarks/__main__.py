"""`python -m svcodec.benchmarks FOLDER -o OUT` is `svcodec bench FOLDER -o OUT`."""

import sys

from ..program import Program
from .commands import bench

Program(commands=[bench])(["bench", *sys.argv[1:]], prog_name="svcodec")

"""`python -m svcodec.benchmarks FOLDER -o OUT` is `svcodec bench FOLDER -o OUT`."""

import os
import sys

from ..errors import SvcodecError
from .commands import bench

# Before torch loads OpenMP: threads that spin long while they wait make coding ten times slower where cores are shared.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

try:
    bench(prog_name="svcodec bench")
except SvcodecError as error:
    sys.exit(f"svcodec: {error}")

"""`python -m svcodec.benchmarks FOLDER -o OUT` is `svcodec bench FOLDER -o OUT`."""

import sys

from ..cli import main

main(["bench", *sys.argv[1:]], prog_name="svcodec")

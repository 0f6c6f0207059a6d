"""What svcodec is compared with, and how. Needs `pip install "svcodec[bench]"`.

`commands` is `svcodec bench`; it measures `peers` by `rate_distortion`. Most others are benchmarks of their own, which
docs/benchmarks.md lists; `figures_in_docs` writes the results into pages.
"""

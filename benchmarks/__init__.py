"""What svcodec is compared with, and how. Needs `pip install "svcodec[bench]"`.

`commands` is `svcodec bench`; it measures `peers` by `rate_distortion`. `kodak`, `by_kernel`, `host`, `eight_bits`,
`detection`, `footprint`, `fuzz` and `fashion_mnist` are benchmarks of their own; `figures_in_docs` writes the results
into pages.
"""

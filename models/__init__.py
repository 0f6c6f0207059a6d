"""The photo model and its exact arithmetic.

`photo` is the model: `flow` and `details` of the latents, `likelihoods` of the levels, over `pyramid` and
`transforms`. `exact` has layers whose sums are the same on every machine, `kernels` and `arithmetic` how this machine
computes them, `integers` and `storage` a model's file.
"""

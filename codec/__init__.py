"""Pictures to streams and back, and what goes with them.

`lossy` and `lossless` code by the photo model, with `descent`, `levels` and `latents`; `family` by the paper's models,
`plain` without networks, `sixteen` pictures of 16 bits; `choice` takes the shortest. `pictures` are their files.
"""

"""Models of the family as codecs: tiles of the model's size, chained on one stack.

`variables` codes latents, levels and u one by one, `chain` a lossless picture with bits-back, `modes` the lossy tiers,
`roads` any tier; `family_model` is a loaded model.
"""

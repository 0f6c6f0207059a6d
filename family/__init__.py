"""The models of the first paper: VAEs and selfVAEs of small pictures, from one transform to a hierarchy of K.

`configuration` says what a model is made of, `hierarchy` is the model, `objective` what it is trained for, `generation`
what can be drawn from it, `stored` its file. docs/selfvae.md has the paper's equations beside the code.
"""

"""The experiment on Fashion-MNIST against MNIST of a paper on likelihoods that see the whole picture."""

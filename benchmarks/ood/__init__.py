"""The experiment on Fashion-MNIST against MNIST that `models.ood` comes from."""

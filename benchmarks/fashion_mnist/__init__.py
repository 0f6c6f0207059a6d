"""The experiment on Fashion-MNIST against MNIST of the paper behind `gate`."""

"""Is it a photo? Statistics of the model's ELBO, self-supervised features, and the gate that judges by both."""

"""Self-supervised likelihoods: a VAE's likelihood weighted by one of learned features, to tell foreign images."""

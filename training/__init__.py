"""Training: photos, trainers of the ladder, the likelihoods and the gate, and export to model files."""

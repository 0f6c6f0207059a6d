"""Is it a photo? Statistics of a picture's details, and the gate that judges by their density among photos."""

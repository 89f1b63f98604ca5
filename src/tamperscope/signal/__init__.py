"""Mathematics shared by detectors."""

"""The networks of the learned detectors, in PyTorch: one file each, named by it. Needs the extra `train`."""

"""The detectors: one file each, whose name is the detector's name."""

"""Measures detectors on data sets, the same way for every detector."""

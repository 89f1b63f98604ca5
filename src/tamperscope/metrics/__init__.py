"""Measures of a localization against the truth; one file each, named as it is registered."""

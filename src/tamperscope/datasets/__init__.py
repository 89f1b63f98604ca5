"""Data sets of manipulated and pristine photographs; one file each, named as it is registered."""

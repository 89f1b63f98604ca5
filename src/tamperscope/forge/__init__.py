"""Makes manipulated photographs with exact masks from any photographs.

>>> import numpy as np
>>> from tamperscope.forge.make import forge
>>> from tamperscope.forge.recipe import Recipe
>>> host, donor = (np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8) for seed in (1, 2))
>>> made = forge(host, [donor], Recipe(pristine=0, kinds={"splice": 1}), np.random.default_rng(3))
>>> made.kind, made.mask.any()
('splice', np.True_)
"""

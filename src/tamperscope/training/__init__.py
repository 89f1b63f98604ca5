"""Training of networks, from a data set and a configuration to a run folder. Needs the extra `train`."""

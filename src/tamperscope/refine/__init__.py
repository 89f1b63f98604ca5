"""From heatmaps to statements: what is done with a localization after a detector made it."""

"""Layers and networks that more than one paper uses; nothing here knows a loss, a data set or a run."""

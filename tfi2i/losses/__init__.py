"""Pure functions: tensors in, one scalar out. The formula and its source are the docstring."""

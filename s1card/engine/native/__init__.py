"""The native engine: one module per SNAP operator, in numpy and numba."""

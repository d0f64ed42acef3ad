"""SNAP as an engine: a local ``gpt``, one in a container, or ``esa_snappy``."""

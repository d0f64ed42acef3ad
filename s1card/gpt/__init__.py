"""SNAP's ``gpt`` as a front of the native engine: its arguments, its parameter files, its messages."""

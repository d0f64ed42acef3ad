"""Benchmarks: each prints the ratio to a peer or to the physical limit in the same run."""

"""Pairs of TOPS SLC scenes with known truth."""

"""Parcels and their statistics."""

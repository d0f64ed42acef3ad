"""Sensor position and velocity between state vectors."""

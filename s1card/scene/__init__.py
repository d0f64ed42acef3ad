"""What ESA delivers: SAFE products, their annotation, calibration, noise and orbits, as typed records."""

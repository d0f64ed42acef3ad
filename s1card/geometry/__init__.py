"""Geometry: ellipsoid, orbit, radar grid and zero-Doppler, ground range, DEM and datum, map grid."""

"""s1card: from the Sentinel-1 archive to analysis-ready cards."""

__version__ = "0.1.0"

"""s1card: from the Sentinel-1 archive to analysis-ready cards."""

from s1card.kernel_cache import provide_kernel_cache

__version__ = "0.1.0"

provide_kernel_cache()  # before anything loads numba

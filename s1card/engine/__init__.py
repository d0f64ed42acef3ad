"""Engines that run a recipe: the native one, and later SNAP in its several housings."""

"""Engines that run folds on clusters: Ray core tasks and Dask."""

"""Benchmarks: figures against peers, each measured in one run."""

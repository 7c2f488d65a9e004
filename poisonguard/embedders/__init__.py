"""Embedding models that lie on this machine: optional, named by digest, never fetched."""

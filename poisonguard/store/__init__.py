"""Statements, their log, blobs and bundles."""

"""Statements, their log, what they bind by digest, and bundles."""

"""Mergeable summaries of rows, under laws that a test holds."""

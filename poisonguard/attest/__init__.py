"""Bytes, digests and signatures: what is signed, by whom, and whether it holds."""

"""Files as untrusted bytes: found, hashed, verified, and read as tables."""

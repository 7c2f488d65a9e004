"""A scan result as text or a page; every renderer is a pure function of the result."""

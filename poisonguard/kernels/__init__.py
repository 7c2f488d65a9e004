"""The few compiled hot loops: pure functions over Arrow buffers and NumPy arrays."""

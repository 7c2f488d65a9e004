"""One file per detector; nobody imports them, the registry of the plug-in layer loads them."""

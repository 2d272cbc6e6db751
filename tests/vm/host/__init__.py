"""The host's half of the emulated NUMA machine: images, guests, results."""

"""The guest's half of the emulated NUMA machine: cases, containers, oracles."""

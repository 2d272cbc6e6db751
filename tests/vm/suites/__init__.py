"""Cases that run in the guest; guests.toml says which guest runs which suite."""

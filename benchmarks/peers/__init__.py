"""The peers of benchmarks/experiment_peers.py: the same inputs through their own doors, and the same figures out."""

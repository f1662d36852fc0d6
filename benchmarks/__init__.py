"""What the course costs in time and memory, and beside its peers: one file a question, run by `python -m benchmarks.X`."""

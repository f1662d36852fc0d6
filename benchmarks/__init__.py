"""What the course costs, in time and memory, and beside its peers: one file a question, each run by `python -m benchmarks.X`."""

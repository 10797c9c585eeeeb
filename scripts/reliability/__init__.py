"""What `faults.py` does to sweeps, trainings and files, and how it counts what came of it."""

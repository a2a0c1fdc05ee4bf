"""The workflow file systems: one contract (base.py), one file for each kind."""

"""The workflow engines: one contract (base.py), one file for each engine."""

"""Runs of workflows on the local cloud."""

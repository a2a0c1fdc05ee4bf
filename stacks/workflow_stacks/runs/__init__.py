"""Runs of workflows: submit, list, follow, read, stop and resume them, on AWS and on the local cloud alike."""

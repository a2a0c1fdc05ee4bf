"""Storage for one run: what the job that deletes it needs. By the standard library alone: no image has more."""

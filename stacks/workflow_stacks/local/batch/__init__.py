"""AWS Batch on this machine: queues, definitions and jobs that really run."""

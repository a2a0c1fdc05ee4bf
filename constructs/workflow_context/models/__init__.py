"""What a context costs, how fast its file system is, and which file system to choose: pure Python, no CDK.

- `burst_credits`: Amazon EFS throughput over time under a demand, exactly.
- `prices`: unit prices with their source, date and confidence.
- `costs`: what a synthesized template costs while idle, and what a run of a workload costs.
- `workloads`: what a workflow moves, keeps and computes; presets of real pipelines.
- `advice`: the file systems side by side for a workload, and what would change the choice.
"""

__all__ = ["advice", "burst_credits", "costs", "prices", "workloads"]

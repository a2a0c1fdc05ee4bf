"""What a context costs: idle, by the resources it really synthesizes, and for each run of a workload."""

from .estimates import CostLine, Estimate, Unpriced
from .idle_costs import Stored, idle_cost
from .run_costs import RunCost, run_cost

__all__ = ["CostLine", "Estimate", "RunCost", "Stored", "Unpriced", "idle_cost", "run_cost"]

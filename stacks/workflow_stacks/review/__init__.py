"""What a security reviewer is shown: findings, acknowledged ones with their reasons, and what each role may do."""

from .findings import Acknowledged, Finding, Review, review
from .roles import Permission, RoleRights

__all__ = ["Acknowledged", "Finding", "Permission", "Review", "RoleRights", "review"]

"""What a change of the project file does to what is deployed: templates compared, without an account."""

from .changes import Change, Effect, changes, worst

__all__ = ["Change", "Effect", "changes", "worst"]

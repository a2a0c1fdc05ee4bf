"""Ministack, taught what it lacks: the AWS behind the local cloud. The only package that knows ministack.

`server.py` imports it in a process of its own, after it has set LOCAL_CLOUD_STATE, _REGION and _PORT. Each file has an
`install`, which puts its own in place of what ministack has.
"""

from . import settings as settings  # ministack reads them when it is imported

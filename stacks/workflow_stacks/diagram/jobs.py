"""Which jobs run where, and with which roles."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from workflow_context.models.cfn import Resource, Stacks

from .rights import Rights

_SUBMIT = "batch:SubmitJob"


class Jobs:
    """Queues, environments, job definitions and the roles behind them."""

    def __init__(self, stacks: Stacks, rights: Rights) -> None:
        self._stacks, self._rights = stacks, rights
        self.queues = stacks.of_context("AWS::Batch::JobQueue")
        self.environments = stacks.of_context("AWS::Batch::ComputeEnvironment")
        kinds = {one.type for one in (*self.queues, *self.environments)}
        self.of_others = {one.id for one in stacks.of_type(*kinds)} - {
            one.id for one in (*self.queues, *self.environments)
        }
        """Queues and environments that contexts share, where this one has its own."""
        self.definitions = stacks.of_type("AWS::Batch::JobDefinition")

    @cached_property
    def runs_on(self) -> dict[str, list[str]]:
        """The environments of each queue."""
        known = {environment.id for environment in self.environments}
        return {
            queue.id: [id for id in self._stacks.referred(queue.get("ComputeEnvironmentOrder")) if id in known]
            for queue in self.queues
        }

    def submits_to(self, role: str) -> list[str]:
        """Return the queues to which a role may submit jobs."""
        named = {id: None for targets in self._rights.targets(role, _SUBMIT) for id in targets}
        return [id for id in named if id in self.runs_on]

    @cached_property
    def places(self) -> dict[str, list[str]]:
        """The environments of each job definition, as far as the templates tell.

        A definition runs in the queues with which somebody may submit it by name; else where its platform is, but not
        in a queue into which it submits itself; one that submits nothing runs where others submit.
        """
        return {definition.id: list(self._places(definition)) for definition in self.definitions}

    def _places(self, definition: Resource) -> Iterator[str]:
        named = [queue for queues in self._named_with(definition) for queue in queues]
        if named:
            yield from dict.fromkeys(environment for queue in named for environment in self.runs_on[queue])
            return
        own = {queue for role in self._roles(definition) for queue in self.submits_to(role)}
        into = own or {
            queue for other in self.definitions for role in self._roles(other) for queue in self.submits_to(role)
        }
        behind = {environment for queue in into for environment in self.runs_on[queue]}
        fargate = "FARGATE" in (definition.get("PlatformCapabilities") or ["EC2"])
        for environment in self.environments:
            suits = str(environment.get("ComputeResources", "Type")).startswith("FARGATE") == fargate
            if suits and (environment.id in behind) != bool(own):
                yield environment.id

    def _named_with(self, definition: Resource) -> Iterator[list[str]]:
        for role in self._rights.roles:
            for targets in self._rights.targets(role, _SUBMIT):
                if definition.id in targets:
                    yield [id for id in targets if id in self.runs_on]

    def _roles(self, definition: Resource) -> list[str]:
        return self._stacks.referred(definition.get("ContainerProperties", "JobRoleArn")) + self._stacks.referred(
            definition.get("EcsProperties", "TaskProperties")
        )

    @cached_property
    def roles(self) -> dict[str, list[str]]:
        """The roles that act in each environment: of its machines, of its jobs, and those that submitters pass."""
        found: dict[str, dict[str, None]] = {environment.id: {} for environment in self.environments}
        for environment in self.environments:
            for id in self._stacks.referred(environment.get("ComputeResources", "InstanceRole")):
                profile = self._stacks.get(id)
                roles = self._stacks.referred(profile.get("Roles")) if profile and profile.get("Roles") else [id]
                found[environment.id].update(dict.fromkeys(roles))
        for definition in self.definitions:
            for role in self._roles(definition):
                for place in self.places[definition.id]:
                    found[place][role] = None
                passed = {id: None for targets in self._rights.targets(role, "iam:PassRole") for id in targets}
                for queue in self.submits_to(role):
                    for place in self.runs_on[queue]:
                        found[place].update(passed)
        return {place: list(acting) for place, acting in found.items()}

    @cached_property
    def submissions(self) -> list[tuple[str, str]]:
        """Environments, and the queues into which their jobs submit.

        Machines may share a role with those of the head jobs; an environment whose own queues are all submitted into is
        not taken to submit.
        """
        may = {id: [queue for role in roles for queue in self.submits_to(role)] for id, roles in self.roles.items()}
        targets = {queue for queues in may.values() for queue in queues}
        own = {id: {queue for queue, places in self.runs_on.items() if id in places} for id in may}
        return [(id, queue) for id, queues in may.items() if not own[id] <= targets for queue in dict.fromkeys(queues)]

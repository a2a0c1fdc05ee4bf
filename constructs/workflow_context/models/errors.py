"""The error of the models that is meant for the user."""


class ModelError(ValueError):
    """A number, a price file or a workload cannot be used.

    `str(error)` is the whole message, remedy included.
    """

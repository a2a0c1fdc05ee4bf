"""The errors that are meant for the user.

- WorkflowContextError: the project or the world is at fault; its message is shown as it is, without a traceback
    - ProjectFileError: the project file is wrong (project/findings.py)
    - LocalCloudError: the local cloud cannot do what was asked (local/)
"""


class WorkflowContextError(Exception):
    """Base of all errors that a user can mend. `str(error)` is the whole message, remedy included.

    ```python
    try:
        app = build_app("agc-project.yaml")
    except WorkflowContextError as error:
        sys.exit(str(error))
    ```
    """

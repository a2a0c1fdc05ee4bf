"""The shell commands of jobs, and the files in which the jobs of an array find what they are to do.

Nothing that a task says stands in the text of a command: the shell gets all of it as arguments.
"""

from __future__ import annotations

import os
from pathlib import Path

from .jobs import Task
from .qsub import INDEX

TASKS_PER_FILE = 50
"""A job of an array reads one such file: all of them in one would be read as often as there are jobs."""

ENDED = "ended-"
"""How the file is named, before its index, that keeps a job of an array from beginning."""

BEGAN, DONE, LOG = "began-", "done-", "log-"
"""How files are named, before the place of a task, of tasks that run one after another in a job: that it began, the
exit code with which it ended, and what it said."""

# Arguments: directory, script, standard output, standard error (`&` for where standard output goes).
# Nextflow's script would note an exit code when it is told to end, and Nextflow go by that, although its machine went
# and the job is moved: so it is killed.
_RUN = (
    f'export PBS_ARRAYID="${{AWS_BATCH_JOB_ARRAY_INDEX:-${{{INDEX}:-}}}}" PBS_JOBID="$AWS_BATCH_JOB_ID"\n'
    'cd "$1" || exit\n'
    'if [ -n "$3" ]; then exec >"$3"; fi\n'
    'if [ "$4" = "&" ]; then exec 2>&1; elif [ -n "$4" ]; then exec 2>"$4"; fi\n'
    'if [ "${2##*/}" != .command.run ]; then exec bash "$2"; fi\n'
    "set -m\n"
    'ended=; trap "ended=1; kill -KILL -- -\\$!" TERM\n'
    'bash "$2" &\n'
    'if [ "$ended" ]; then kill -KILL -- -$!; fi\n'
    # A signal ends the waiting too: only what the next one says is the code of the script.
    'while ended=; wait $!; code=$?; [ "$ended" ]; do :; done\n'
    "exit $code\n"
)
# Argument: the directory of the files. The task is no job of an array for the engine, and is told of none.
_FIND = (
    f"index=${{AWS_BATCH_JOB_ARRAY_INDEX:-${{{INDEX}:-0}}}} found=()\n"
    f"unset AWS_BATCH_JOB_ARRAY_INDEX {INDEX}\n"
    f'if [ -e "$1/{ENDED}$index" ]; then echo "It was ended by qdel before it began" >&2; exit 143; fi\n'
    f"skip=$((index % {TASKS_PER_FILE} * 4))\n"
    'while IFS= read -r -d "" field; do\n'
    "if ((skip > 0)); then skip=$((skip - 1)); continue; fi\n"
    'found+=("$field")\n'
    "if ((${#found[@]} == 4)); then break; fi\n"
    f'done <"$1/$((index / {TASKS_PER_FILE}))"\n'
    'if ((${#found[@]} != 4)); then echo "$1 holds no task $index" >&2; exit 125; fi\n'
    'set -- "${found[@]}"\n'
    "unset index skip field found\n"
)


# Arguments: the directory of the files, how to do one task, how many tasks a job does, how many there are, and the
# seconds that each may take (or nothing). What was done is not done again when the job is tried on another machine.
_ONE_AFTER_ANOTHER = f"""\
child=${{AWS_BATCH_JOB_ARRAY_INDEX:-0}} pid= told=
unset AWS_BATCH_JOB_ARRAY_INDEX
set -m
end() {{ kill -TERM -- "-$1"; sleep 0.5; kill -KILL -- "-$1"; }} 2>/dev/null
trap 'told=1; [ "$pid" ] && end "$pid"; exit 143' TERM
# qdel of a task that runs: the job goes on with the others.
while sleep 1; do
    read -r task one <"$1/running-$child" && [ -e "$1/{ENDED}$task" ] && end "$one"
done 2>/dev/null &
watcher=$!
trap 'kill -KILL -- "-$watcher"' EXIT
for ((task = child * $3; task < (child + 1) * $3 && task < $4; task++)); do
    if [ -e "$1/{DONE}$task" ]; then continue; fi
    >"$1/{BEGAN}$task"
    {INDEX}=$task ${{5:+timeout -k 5 "$5"}} bash -c "$2" qsub "$1" >"$1/{LOG}$task" 2>&1 &
    pid=$!
    echo "$task $pid" >"$1/running-$child"
    wait "$pid"
    code=$? pid=
    if [ "$told" ]; then exit 143; fi
    cat "$1/{LOG}$task"
    echo "$code" >"$1/.{DONE}$task" && mv "$1/.{DONE}$task" "$1/{DONE}$task" || exit 1
done
exit 0
"""


def command_of(task: Task) -> list[str]:
    """The command of a task that is a job by itself, or an array of PBS."""
    return ["bash", "-c", _RUN, "qsub", *task.arguments]


def array_command(folder: Path) -> list[str]:
    """The command of all jobs of an array whose tasks `write_tasks` has written."""
    return ["bash", "-c", _FIND + _RUN, "qsub", str(folder)]


def together_command(folder: Path, together: int, tasks: int, timeout: int) -> list[str]:
    """The command of jobs that do several tasks one after another, which `write_tasks` has written.

    Args:
        folder: Where they are written.
        together: How many tasks a job does.
        tasks: How many there are.
        timeout: Seconds that each may take; 0 for no limit.
    """
    arguments = [str(folder), _FIND + _RUN, str(together), str(tasks), str(timeout or "")]
    return ["bash", "-c", _ONE_AFTER_ANOTHER, "qsub", *arguments]


def keep_from_beginning(folder: Path, index: int) -> None:
    """Let a job of an array end as soon as it begins: AWS Batch may not let the head job end one of an array alone."""
    if folder.is_dir():
        (folder / f"{ENDED}{index}").touch()


def write_tasks(folder: Path, tasks: list[Task]) -> None:
    """Write what each job of an array is to do."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(0, len(tasks), TASKS_PER_FILE):
        fields = [field for task in tasks[number : number + TASKS_PER_FILE] for field in task.arguments]
        content = b"".join(os.fsencode(field) + b"\0" for field in fields)
        (folder / str(number // TASKS_PER_FILE)).write_bytes(content)

"""Pipelines of Nextflow for its tests, and what those with labels of nf-core ask for."""

SCATTER = """
process PART {
    cpus 2
    container 'docker.io/library/debian:13'
    input: val number
    output: path "part.txt"
    script: "echo $number >part.txt"
}
process GATHER {
    input: path "part*.txt"
    output: stdout
    script: "cat part*.txt | sort | tr '\\\\n' +"
}
workflow { PART(Channel.of(1, 2, 3)) | collect | GATHER | view { "gathered $it" } }
"""

GROWS = """
process GROWS {
    memory { 2.GB * task.attempt }
    errorStrategy 'retry'
    output: stdout
    script: "sleep 1; [ ${task.attempt} -gt 1 ] || exit 137; echo attempt ${task.attempt}"
}
workflow { GROWS() | view }
"""

FAILS = """
process FAILS { script: "echo this is why >&2; exit 3" }
workflow { FAILS() }
"""

HUGE = """
process HUGE { cpus 1000; script: "true" }
workflow { HUGE() }
"""

KILLED = """
process KILLED {
    memory { 2.GB * task.attempt }
    errorStrategy { task.exitStatus in 130..145 ? 'retry' : 'finish' }
    output: stdout
    script: "[ ${task.attempt} -gt 1 ] || sleep 100; echo attempt ${task.attempt}"
}
workflow { KILLED() | view }
"""

CONTAINERS = """
process CONTAINED {
    container 'biocontainers/samtools:1.21'
    accelerator 1
    output: stdout
    script: "echo contained"
}
workflow { CONTAINED() | view }
"""
CONTAINERS_CONFIG = """
docker.registry = 'quay.io'
profiles { docker { docker.enabled = true } }
"""

ARRAY = """
process ITEM {
    array 3
    input: val number
    output: stdout
    script: "echo item $number"
}
workflow { ITEM(Channel.of(1, 2, 3)) | view }
"""

SLOW = """
process QUICK {
    output: path "quick.txt"
    script: "echo quick >>/mnt/efs/ran; echo quick >quick.txt"
}
process SLOW {
    input: path quick
    output: stdout
    script: "while [ ! -e /mnt/efs/go ]; do sleep 0.2; done; cat $quick; echo slow | tee -a /mnt/efs/ran"
}
workflow { QUICK() | SLOW | view }
"""

STEPS = """
process PART {
    input: val number
    output: path "part.txt"
    script: "echo part $number >>/mnt/efs/ran; echo $number >part.txt"
}
process LAST {
    input: path "part*.txt"
    output: stdout
    script: "[ -e /mnt/efs/go ] || exit 1; echo last >>/mnt/efs/ran; cat part*.txt | sort | tr '\\\\n' +"
}
workflow { PART(Channel.of(1, 2, 3)).collect(sort: true) | LAST | view { "came to $it" } }
"""

# Labels and numbers are those of nf-core's pipelines; some of them limit what is asked for by a function, as the older
# ones do.
LABELS_CONFIG = """
params.max_memory = '200.GB'
process {
    cpus   = { 1     * task.attempt }
    memory = { 6.GB  * task.attempt }
    time   = { 4.h   * task.attempt }
    errorStrategy = { task.exitStatus in ((130..145) + 104) ? 'retry' : 'finish' }
    maxRetries = 1
    maxErrors = '-1'
    withLabel: process_single { cpus = { 1 }; memory = { 6.GB * task.attempt }; time = { 4.h * task.attempt } }
    withLabel: process_low { cpus = { 2 * task.attempt }; memory = { 12.GB * task.attempt } }
    withLabel: process_medium { cpus = { 6 * task.attempt }; memory = { 36.GB * task.attempt }; time = { 8.h } }
    withLabel: process_high { cpus = { 12 * task.attempt }; memory = { 72.GB * task.attempt }; time = { 16.h } }
    withLabel: process_long { time = { 20.h * task.attempt } }
    withLabel: process_high_memory { memory = { least(200.GB * task.attempt, params.max_memory as MemoryUnit) } }
    withLabel: error_ignore { errorStrategy = 'ignore' }
    withLabel: error_retry { errorStrategy = 'retry'; maxRetries = 2 }
    withName: LIMITED { resourceLimits = [cpus: 8, memory: 128.GB, time: 10.h] }
}
def least(wanted, most) { wanted.compareTo(most) > 0 ? most : wanted }
"""


def labels() -> str:
    """A process for each label, and one that has all the big ones and limits."""
    names = ("single", "low", "medium", "high", "long", "high_memory")
    one = [f"process {name.upper()} {{ label 'process_{name}'; script: 'true' }}" for name in names]
    limited = "label 'process_high'; label 'process_long'; label 'process_high_memory'"
    return "\n".join(
        [
            *one,
            "process PLAIN { script: 'true' }",
            f"process LIMITED {{ {limited}; script: 'true' }}",
            "process IGNORED { label 'error_ignore'; script: 'exit 1' }",
            "process RETRIED { label 'error_retry'; label 'process_low'; script: \"[ ${task.attempt} -gt 1 ]\" }",
            "process BIGGER { label 'process_high_memory'; script: \"[ ${task.attempt} -gt 1 ] || exit 137\" }",
            "workflow {",
            *(f"  {name.upper()}()" for name in (*names, "plain", "limited", "ignored", "retried", "bigger")),
            "}",
        ]
    )


ASKED = {
    "PLAIN": [(1, 6, 4)],
    "SINGLE": [(1, 6, 4)],
    "LOW": [(2, 12, 4)],
    "MEDIUM": [(6, 36, 8)],
    "HIGH": [(12, 72, 16)],
    "LONG": [(1, 6, 20)],
    "HIGH_MEMORY": [(1, 200, 4)],
    "LIMITED": [(8, 128, 10)],
    "IGNORED": [(1, 6, 4)],
    "RETRIED": [(2, 12, 4), (4, 24, 8)],
    "BIGGER": [(1, 200, 4), (2, 200, 8)],
}
"""vCPUs, GiB and hours of each attempt."""

SHORT = """
process SHORT {
  errorStrategy 'retry'
  clusterOptions '-l tasks_per_job=10'
  input: val n
  output: path 'out'
  script: "test $n != 7 || test $task.attempt = 2; echo $n >out"
}
workflow { Channel.of(1..30) | SHORT | map { it.text.trim() as Integer } | collect | view { "sum ${it.sum()}" } }
"""
"""Thirty tasks that take no time, of which one fails once."""

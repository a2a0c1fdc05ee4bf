// Greets each name in a task of its own, and puts the greetings together.
params.names = 'Ada,Rosalind'
params.outdir = 'results'

process greet {
    cpus 1
    memory 1.GB
    container 'public.ecr.aws/docker/library/debian:12-slim'

    input:
    val name

    output:
    path 'greeting.txt'

    script:
    """
    echo "Hello, ${name}" > greeting.txt
    """
}

process gather {
    cpus 1
    memory 1.GB
    container 'public.ecr.aws/docker/library/debian:12-slim'
    publishDir params.outdir, mode: 'copy'

    input:
    path 'greeting*.txt'

    output:
    path 'all.txt'

    script:
    """
    cat greeting*.txt > all.txt
    """
}

workflow {
    gather(greet(Channel.of(params.names.tokenize(',')).flatten()).collect())
}

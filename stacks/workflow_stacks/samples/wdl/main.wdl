version 1.0

# Greets each name in a task of its own, and puts the greetings together.
workflow hello {
  input {
    Array[String] names = ["Ada", "Rosalind"]
  }
  scatter (name in names) {
    call greet { input: name = name }
  }
  call gather { input: greetings = greet.greeting }
  output {
    File greetings = gather.all
  }
}

task greet {
  input {
    String name
  }
  command <<<
    echo "Hello, ~{name}" > greeting.txt
  >>>
  output {
    File greeting = "greeting.txt"
  }
  runtime {
    docker: "public.ecr.aws/docker/library/debian:12-slim"
    cpu: 1
    memory: "1 GiB"
  }
}

task gather {
  input {
    Array[File] greetings
  }
  command <<<
    cat ~{sep=" " greetings} > all.txt
  >>>
  output {
    File all = "all.txt"
  }
  runtime {
    docker: "public.ecr.aws/docker/library/debian:12-slim"
    cpu: 1
    memory: "1 GiB"
  }
}

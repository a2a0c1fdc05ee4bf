version 1.0
# Two runs of it must not touch each other's outputs, and root must be able to unpack an archive of root's.
workflow two {
  input { String sample  Int seconds = 0 }
  call unpack { input: sample = sample, seconds = seconds }
  output { File greeting = unpack.greeting }
}
task unpack {
  input { String sample  Int seconds }
  command <<<
    set -e
    sleep ~{seconds}
    echo "hello ~{sample}" > greeting.txt
    tar cf archive.tar --owner=0 --group=0 greeting.txt
    rm greeting.txt
    tar xf archive.tar --same-owner
  >>>
  output { File greeting = "greeting.txt" }
  runtime { docker: "public.ecr.aws/docker/library/ubuntu:24.04" }
}

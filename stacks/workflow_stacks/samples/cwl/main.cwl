# Greets a name, and writes the greeting to a file.
cwlVersion: v1.2
class: CommandLineTool
baseCommand: echo
requirements:
  ResourceRequirement:
    coresMin: 1
    ramMin: 1024
hints:
  DockerRequirement:
    dockerPull: public.ecr.aws/docker/library/debian:12-slim
inputs:
  greeting:
    type: string
    default: Hello,
    inputBinding:
      position: 1
  name:
    type: string
    default: Ada
    inputBinding:
      position: 2
outputs:
  greeting:
    type: stdout
stdout: greeting.txt

"""GA4GH Workflow Execution Service 1.1 over the runs of deployed contexts.

- `service`: what each operation does, with nothing but boto3
- `app`: the service over HTTP on this machine (`workflow-context wes`)
- `function`: the service as a function of AWS Lambda; `endpoint` is its construct

https://ga4gh.github.io/workflow-execution-service-schemas/
"""

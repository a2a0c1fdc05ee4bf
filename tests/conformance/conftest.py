"""A checkout with a tiny suite of each format."""

from pathlib import Path

import pytest

SPECIFICATION = """
<details>
  <summary>
  Example: hello.wdl

  ```wdl
  version 1.1
  task hello {
    input { File infile }
    command <<< cat '~{infile}' >>>
    output { String said = read_string(stdout()) }
  }
  ```
  </summary>
  <p>
  Example input:

  ```json
  {"hello.infile": "greetings.txt"}
  ```

  Example output:

  ```json
  {"hello.said": "hello world"}
  ```
  </p>
</details>
<details>
<summary>
Example: wrong_task.wdl

```wdl
version 1.1
task wrong {
  command <<< echo 1 >>>
  output { Int found = read_int(stdout()) }
}
```
</summary>
<p>
Example output:

```json
{"wrong.found": 2}
```
</p>
</details>
<details>
<summary>
Example: refused.wdl

```wdl
version 1.1
workflow refused { output { Object one = object {} } }
```
</summary>
<p>
Test config:

```json
{"fail": true}
```
</p>
</details>
"""
SNAKEMAKE = """
@skip_on_windows
def test_copy():
    run(dpath("test_copy"), targets=["out.txt"], config={"text": 1})


def test_other():
    run(dpath("test_copy"), shouldfail=True)


@apptainer
def test_image():
    run(dpath("test_image"))


def test_program():
    tmpdir = run(dpath("test_copy"), cleanup=False)
    assert tmpdir
"""
VALIDATION = r"""
$NXF_CMD run own.nf -c awsbatch-own.config || true
[[ -f .nextflow.log ]] || false

$NXF_CMD run paths.nf -c awsbatch.config
[[ -d foo ]] || false

rm -rf foo
$NXF_CMD run paths.nf -resume -c awsbatch.config
[[ -d foo ]] || false

NXF_CLOUDCACHE_PATH=s3://bucket/cache \
$NXF_CMD run nextflow-io/hello \
    -plugins nf-cloudcache
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a tiny suite of each format."""
    files = {
        "COMMIT": "abc\n",
        "SPEC.md": SPECIFICATION,
        "conformance_tests.yaml": "- {id: one, tool: tests/a.cwl, job: tests/a.json, output: {n: 1}}\n"
        "- $import: tests/more.yaml\n",
        "tests/a.cwl": "",
        "tests/checks/.IGNORE-DOCKER": "image.nf\n",
        "tests/checks/hello.nf/.checks": "$NXF_RUN\n",
        "tests/data/greetings.txt": "hello world\n",
        "tests/hello.nf": "",
        "tests/image.nf": "",
        "tests/more.yaml": "- {id: two, tool: b.cwl, job: null, should_fail: true, output: {$import: b.json}}\n",
        "tests/b.json": '{"n": 2}',
        "tests/test_copy/Snakefile": "rule copy:\n    output: 'out.txt'\n    shell: 'echo {config[text]} >{output}'\n",
        "tests/test_copy/expected-results/out.txt": "1\n",
        "tests/tests.py": SNAKEMAKE,
        "validation/awsbatch-own.config": "process.container = 'made:1'\n",
        "validation/awsbatch.sh": VALIDATION,
    }
    for name, text in files.items():
        file = tmp_path / "checkout" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "checkout"

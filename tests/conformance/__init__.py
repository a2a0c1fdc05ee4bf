"""Public test suites of engines and languages, run on the local cloud: docs/conformance.md says how."""

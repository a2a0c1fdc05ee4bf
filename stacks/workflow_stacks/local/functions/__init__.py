"""Functions of AWS Lambda behind HTTP APIs and URLs: each call runs in a sandbox, as the role of the function."""

"""Functions of AWS Lambda behind HTTP APIs of API Gateway: each call runs in a sandbox, as the role of the function."""

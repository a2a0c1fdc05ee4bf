"""IAM as AWS enforces it: who makes a request, what it asks for, and whether the deployed policies allow it."""

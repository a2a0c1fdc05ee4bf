"""The process of the local cloud and what CloudFormation does there."""

"""`workflow-context check`: whether runs in a deployed context will find what they need."""

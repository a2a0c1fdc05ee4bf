"""The file systems of a project file: one settings model for each kind."""

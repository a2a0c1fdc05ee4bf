"""From the text of a project file to plain data with the line of every key."""

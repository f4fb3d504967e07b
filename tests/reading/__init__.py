"""Second readers: of problems, of a report's tables, of a page in a browser."""

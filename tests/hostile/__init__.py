"""Programs that try to get out of the sandbox, and the scene in which they are seen to fail or succeed."""

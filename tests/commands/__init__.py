"""Commands as a user types them: in this process, or in one of their own."""

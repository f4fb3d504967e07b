"""Rows, leaks and mistakes that are made up or planted, so that a test knows what is to be found."""

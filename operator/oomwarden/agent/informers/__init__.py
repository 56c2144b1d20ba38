"""Caches of API objects and the watches' event handlers that fill them."""

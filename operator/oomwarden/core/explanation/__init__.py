"""The story of one kill, and what to do, from the objects of the API."""

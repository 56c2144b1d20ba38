"""The status of policies, put together from the reports of all nodes."""

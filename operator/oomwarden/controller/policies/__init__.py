"""The status of policies, aggregated from the reports of all nodes."""

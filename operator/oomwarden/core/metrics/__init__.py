"""The metrics of agent and operator: their contract, and the text that Prometheus reads."""

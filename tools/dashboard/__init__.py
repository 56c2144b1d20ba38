"""The Grafana dashboard as code: `make generate` writes its JSON."""

"""The HTTP endpoints for the kubelet and Prometheus: /healthz, /readyz and /metrics."""

"""What kubelet and Prometheus ask for over HTTP: /healthz, /readyz and /metrics, from any loop."""

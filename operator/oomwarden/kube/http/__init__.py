"""HTTP/1.1 to the API server: one protocol, and a transport in and one outside of a pod."""

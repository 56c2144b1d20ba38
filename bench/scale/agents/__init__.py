"""What agents cost the API server: their real API side, thousands in a few processes."""

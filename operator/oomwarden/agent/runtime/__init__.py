"""What the agent's process needs: settings, threads, the node lock, health and metrics."""

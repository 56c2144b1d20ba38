"""From bytes of a log to clean lines near the OOM killer's messages."""

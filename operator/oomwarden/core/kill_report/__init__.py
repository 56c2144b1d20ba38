"""A review of many kills: figures over time, the worst, what was done, and what to do."""

"""A picture of the dashboard, from its JSON and from what a Prometheus answers to its queries.

Not by Grafana: it only draws what this dashboard uses, as Grafana would.
"""

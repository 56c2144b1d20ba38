"""Flowcharts in Mermaid's syntax as SVG, so that the site needs no script of another host."""

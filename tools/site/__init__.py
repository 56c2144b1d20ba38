"""The documentation site: what mkdocs needs beside its own features."""

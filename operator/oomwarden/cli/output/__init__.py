"""What all sub-commands print with: tables, objects, errors."""

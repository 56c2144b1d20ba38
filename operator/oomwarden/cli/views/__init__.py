"""The screens of sub-commands, each made from a value that `core/` returns."""

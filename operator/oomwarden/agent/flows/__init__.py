"""The parts of the agent, made once and in order: one module for each of its flows."""

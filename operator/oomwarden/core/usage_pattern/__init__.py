"""What a series of memory readings looks like: leak, sawtooth, steady, start-up, spike."""

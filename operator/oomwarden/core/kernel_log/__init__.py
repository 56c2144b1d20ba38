"""From bytes of the kernel log to kills: who was picked, whose limit was hit, all victims."""

"""Learn from a corpus. The only package that trains; needs torch."""

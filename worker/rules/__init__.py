"""The rules: what a mail is, what may happen to it, and by when. No I/O, no clock, no randomness."""

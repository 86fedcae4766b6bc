"""Newsletters as arithmetic: what a draft says, who gets it, when, and what must be true before it leaves. No I/O."""

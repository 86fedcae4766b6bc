"""Privacy Desk: answers the mailbox that a company prints in its privacy policy."""

__version__ = "0.1.0"

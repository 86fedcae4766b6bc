"""What an administrator does from the command line: one module per family of commands."""

"""The demo: a whole desk with its mail servers and invented customers, on this machine, for as long as it runs."""

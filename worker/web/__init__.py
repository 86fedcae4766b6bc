"""The pages: for the public behind links and the form, for staff behind a login. No scripts, and no cookie but staff's own."""

"""Between bytes and the rules' types: mails in, letters out, and the two protocols that carry them."""

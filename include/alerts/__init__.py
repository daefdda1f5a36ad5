"""What people are told without asking: each alert once, by log, e-mail and webhook."""

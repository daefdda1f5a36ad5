"""What a person asks of a running platform: process these days, show what came of them."""

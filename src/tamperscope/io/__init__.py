"""Files in, pictures out: decoding photographs without touching them, drawing results."""

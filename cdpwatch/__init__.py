"""cdpwatch watches a Twilio Segment workspace: catalog, counts, contract, leaks."""

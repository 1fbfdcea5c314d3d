"""Which mistakes explain a wrong claim, and which of them a case could show."""

"""What is asked: a document becomes a checked case or network; every problem at once."""

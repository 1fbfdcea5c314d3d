"""What somebody else computed: read, what it may be off by, and how it compares."""

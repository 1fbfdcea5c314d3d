"""What was asked, and claims on it, become a report."""

"""Innocent and guilty claims side by side, judged by `convgrad.check`: who is accused, acquitted, and named how."""

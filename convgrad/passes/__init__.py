"""Forward, backward, overlays, the terms of an entry, batches, steps: what is computed of what was asked."""

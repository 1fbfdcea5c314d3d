"""The most memory that a process has had, as it says itself: what its parent is told counts the parent's own in."""

PEAK = """
import sys

def peak():
    if sys.platform == "linux":
        return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))) << 10
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << (0 if sys.platform == "darwin" else 10)
"""

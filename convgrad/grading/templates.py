"""Adapters to start from, one a language: each passes as it stands, with a plain kernel to be replaced by yours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FILES: Mapping[str, str] = {
    "c": "kernel.c", "cpp": "kernel.cpp", "rust": "kernel.rs", "javascript": "adapter.js", "python": "adapter.py",
}  # fmt: skip


def template(language: str) -> str:
    """The source text of an adapter."""
    return (Path(__file__).with_name("adapters") / FILES[language]).read_text(encoding="utf-8")

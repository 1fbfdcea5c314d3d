"""Adapters to start from, one a language: each passes as it stands, with a plain kernel to be replaced by yours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FILES: Mapping[str, str] = {
    "c": "kernel.c", "cpp": "kernel.cpp", "rust": "kernel.rs", "javascript": "adapter.js", "python": "adapter.py",
}  # fmt: skip


def template(language: str) -> str:
    """The source text of an adapter."""
    name = FILES[language]
    stored = f"{name}.txt" if name.endswith(".py") else name  # no module of ours
    return (Path(__file__).with_name("adapters") / stored).read_text(encoding="utf-8")

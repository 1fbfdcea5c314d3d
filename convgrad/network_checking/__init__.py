"""Network, claims -> report: every parameter by differences of the loss, claims by layer, and what became of them."""

from __future__ import annotations

from convgrad.network_checking.report import LayerDiagnosis, LayerFinding, NetworkReport, check, check_network

__all__ = ["LayerDiagnosis", "LayerFinding", "NetworkReport", "check", "check_network"]

"""The catalogue of mistakes: what people get wrong, recognised in a claim, and seen or not by a case."""

from convgrad.mistakes.builtin import Planted, builtin_cases, control
from convgrad.mistakes.catalogue import catalogue
from convgrad.mistakes.diagnosis import Diagnoser, Diagnosis, diagnose
from convgrad.mistakes.mistake import Form, Mistake
from convgrad.mistakes.strength import Blind, Strength, planted, strength
from convgrad.mistakes.telling import tell_apart

__all__ = [
    "Blind",
    "Diagnoser",
    "Diagnosis",
    "Form",
    "Mistake",
    "Planted",
    "Strength",
    "builtin_cases",
    "catalogue",
    "control",
    "diagnose",
    "planted",
    "strength",
    "tell_apart",
]

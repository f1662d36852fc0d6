"""The explorer: `explore` shows it below a notebook's cell (`widgets`); what it shows is in `exploration`, without any widget.

Pictures that people bring to it are read in `uploads`.
"""

from .exploration import Choice, Exploration
from .widgets import Explorer, explore

__all__ = ["Choice", "Exploration", "Explorer", "explore"]

"""Pictures drawn: figures for files, frames for videos, lines for terminals. Matplotlib is imported at need."""

"""A page that plays ugen's models in a browser, built from runtime/web: files, and nothing else."""

from pathlib import Path

PAGE = Path(__file__).parent / "page"

"""What the start page says, by language: texts.toml, read."""
import pathlib
import tomllib

TEXTS = tomllib.loads(pathlib.Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

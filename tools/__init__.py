"""The commands of course.py, one file a command and named as it (`matrix` is `test --matrix`), each run by `python -m tools.X`.

`notebooks/` and `decks/` are the workshops of those that execute notebooks and build decks. Imports run one way: commands →
`decks` → `notebooks`, and from all of them to lecture_utils, never back.
"""

"""The commands of course.py, one file a command and named as it (`matrix` is `test --matrix`), each run by `python -m tools.X`.

`notebooks/` and `decks/` are the workshops of those that execute notebooks and build decks. Imports run one way: commands →
`decks` → `notebooks`, and from all of them to lecture_utils, never back.
"""

import sys

# With this package jsonschema, which comes with nbformat, prepares for two seconds to judge international web addresses, in
# every process that reads a notebook. No notebook holds what it would judge.
sys.modules.setdefault("rfc3987_syntax", None)

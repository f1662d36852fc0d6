"""What is wrong with this map? Twenty faults that people really make, each with the test that finds it (notebook 12).

`CASES` is the list; `case("softmax").examine()` runs a case's own test on its broken code, `examine("mended")` on the mended.
`examine(explain)` holds any function explain(model, images, c) of heat maps at the layer "features" against ten tests.

    findings        what a case is, and a finding
    volunteers      small networks whose right map is known
    maps            Grad-CAM written out, once rightly and nine times with a fault
    examinations    the ten tests of such code
    inputs, drawing, networks, conclusions      the other eleven cases: code, mended code and test side by side
    cases           the list of all twenty
    waiting         patients without a name
"""

from ..language import say as say
from . import findings as findings
from .cases import CASES as CASES
from .cases import case as case
from .cases import ward as ward
from .examinations import EXAMINATIONS as EXAMINATIONS
from .examinations import examine as examine
from .examinations import table as table
from .findings import Case as Case
from .findings import Finding as Finding
from .waiting import DIAGNOSES as DIAGNOSES
from .waiting import FAILS as FAILS
from .waiting import Patient as Patient
from .waiting import waiting_room as waiting_room


def __getattr__(name):
    """`WARDS`: the names of the five wards, in the language that the reader has now."""
    if name == "WARDS":
        return tuple(map(say, findings.WARDS))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

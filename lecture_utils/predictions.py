"""Predictions: the reader says what a cell will show, and is answered by what it shows."""

import html
import json
import math
import string
from pathlib import Path

from .asking import someone_is_there
from .files import whole
from .language import say

KEPT = Path("predictions.json")     # in the folder of the notebook, which is the kernel's


class Prediction:
    """One question to the reader, and what was answered; `mine` is None until then.

    question: the sentence to answer. choices: what to choose from; None where a number is asked for.
    """

    def __init__(self, question, choices=None, mine=None):
        self.question, self.choices = question, choices and tuple(map(str, choices))
        self.mine = self._understood(mine)

    def compare(self, result, because="", close=0.1) -> None:
        """Print the result beside the prediction.

        result: one of the choices, or the number. because: why it is so, in a sentence.
        close: how far from the number still counts as right, as a share of it.
        Raises ValueError for a result that was not to choose from.

        >>> predict("Is 7 prime?", ["yes", "no"], mine="b").compare("yes", "Only 1 and 7 divide it.")
        Predict: Is 7 prime?
          a) yes
          b) no
        ✗ You predicted: no. The result: yes. Only 1 and 7 divide it.
        """
        if self.choices and str(result) not in self.choices:
            raise ValueError(say("the result {result!r} is none of the choices {choices}", result=result, choices=self.choices))
        shown = str(result) if self.choices else f"{result:,.4g}"
        print(" ".join(filter(None, [self._beside(result, close), say("The result: {shown}.", shown=shown), because])))

    def _beside(self, result, close):
        if self.mine is None:
            return "· " + say("No prediction was made.")
        right = self.mine == str(result) if self.choices else math.isclose(self.mine, result, rel_tol=close)
        mine = self.mine if self.choices else f"{self.mine:,.4g}"
        return ("✓ " if right else "✗ ") + say("You predicted: {mine}.", mine=mine)

    def _understood(self, answer):
        """A choice by its letter or its text, a number by itself. Raises ValueError for what is neither."""
        if answer is None or answer is ...:
            return None
        if self.choices is None:
            return _number(answer)
        letters = dict(zip(string.ascii_lowercase, self.choices, strict=False))
        chosen = letters.get(str(answer).strip().lower(), str(answer))
        if chosen not in self.choices:
            raise ValueError(say("mine={answer!r} is none of the choices: take one of the letters {letters}",
                                 answer=answer, letters=", ".join(letters)))
        return chosen

    def __repr__(self):
        asked = say("Predict: {question}", question=self.question)
        if self.choices is None:
            return f"{asked}\n  {say('Your number: mine=…')}"
        lines = [f"  {letter}) {choice}" for letter, choice in zip(string.ascii_lowercase, self.choices, strict=False)]
        return "\n".join([asked, *lines])


def predict(question, choices=None, *, mine=None) -> Prediction:
    """Ask the reader for a prediction; `compare` of what is returned answers it with the result.

    question: a sentence. choices: what to choose from; without them a number is asked for.
    mine: the answer in writing, a choice's letter or text, or a number, where buttons don't work.

    In JupyterLab and on Colab the question has buttons, or a field for the number. The answer is kept in the file
    predictions.json beside the notebook, and nowhere else; it is there again when the notebook is opened again. Where a
    program executes the notebook the question is printed, and nothing is read or kept.
    Raises ValueError for `mine` that answers nothing.

    >>> predict("How many weights has a kernel of 3×3 on two channels?", mine=18).compare(18)
    Predict: How many weights has a kernel of 3×3 on two channels?
      Your number: mine=…
    ✓ You predicted: 18. The result: 18.
    """
    prediction = Prediction(question, choices, mine)
    if not someone_is_there():
        print(prediction)
        return prediction
    if prediction.mine is None:
        prediction.mine = _kept(prediction)
    _show(prediction)
    return prediction


def _number(answer):
    try:
        return float(str(answer).strip().replace("%", "").replace(",", ""))
    except ValueError:
        raise ValueError(say("mine={answer!r} is no number: the question asks for one", answer=answer)) from None


# ---- what is kept -----------------------------------------------------------------------------

def _all_kept():
    """Question to answer, from the file; a missing or broken one keeps nothing."""
    try:
        kept = json.loads(KEPT.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _kept(prediction):
    """The answer of an earlier day, None if there is none or the question has other choices now."""
    try:
        return prediction._understood(_all_kept().get(prediction.question))
    except ValueError:
        return None


def _keep(prediction):
    """Write the answer into the file; whether that could be done."""
    kept = _all_kept() | {prediction.question: prediction.mine}
    try:
        with whole(KEPT) as path:
            path.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError:     # a folder that cannot be written to: the answer holds until the kernel ends
        return False
    return True


# ---- the buttons ------------------------------------------------------------------------------

def _show(prediction):
    """The question with its buttons; a front end without widgets shows the text, which says how to answer."""
    import ipywidgets as widgets
    from IPython.display import display

    said = widgets.Label()
    field = _buttons(widgets, prediction) if prediction.choices else _field(widgets, prediction)

    def answered(change):
        try:
            prediction.mine = prediction._understood(change["new"])
        except ValueError:
            said.value = say("A number, please.")
            return
        said.value = say("Noted.") if _keep(prediction) else say("Noted, until the kernel ends.")

    field.observe(answered, "value")
    box = widgets.VBox([widgets.HTML(say("<b>Predict:</b> {question}", question=html.escape(prediction.question))), field, said])
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    text = f"{prediction}\n" + say('Without buttons: add mine="a" to the call, or your number.')
    display({"application/vnd.jupyter.widget-view+json": view, "text/plain": text}, raw=True)


def _buttons(widgets, prediction):
    return widgets.RadioButtons(options=prediction.choices, value=prediction.mine, layout={"width": "max-content"})


def _field(widgets, prediction):
    value = "" if prediction.mine is None else f"{prediction.mine:g}"
    return widgets.Text(value=value, placeholder=say("your number, then Enter"), continuous_update=False)

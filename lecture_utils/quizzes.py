"""The three questions at the end of each notebook, and what each choice is told."""

import html
import re
import string
import tomllib
from pathlib import Path

from .language import say

QUESTIONS = Path(__file__).parent / "questions"      # a file for each notebook, named by its number


class Quiz:
    """Questions whose choices unfold into their answers, in any page and without a kernel.

    questions: list of dicts {"asks": …, "choices": [{"text": …, "right": True or False, "because": …}, …]}.
    """

    def __init__(self, questions):
        self.questions = questions

    def choose(self, question, letter) -> None:
        """Print whether a choice is right, and why: `quiz(1).choose(2, "b")` for question 2.

        Raises ValueError for a question or a letter that there is not.

        >>> quiz(1).choose(9, "a")
        Traceback (most recent call last):
        ValueError: there is no choice 9 'a': the questions are 1 to 3, the choices a to ...
        """
        letters = list(string.ascii_lowercase)[:max(len(each["choices"]) for each in self.questions)]
        try:
            choice = self.questions[range(1, len(self.questions) + 1).index(question)]["choices"][letters.index(letter)]
        except (ValueError, IndexError):
            raise ValueError(say("there is no choice {question!r} {letter!r}: the questions are 1 to {questions}, "
                                 "the choices a to {last}", question=question, letter=letter,
                                 questions=len(self.questions), last=letters[-1])) from None
        print(_answer(choice))

    def __repr__(self):
        lines = []
        for number, question in enumerate(self.questions, start=1):
            lines.append(f"{number}. {say(question['asks'])}")
            lines += [f"   {letter}) {say(choice['text'])}"
                      for letter, choice in zip(string.ascii_lowercase, question["choices"], strict=False)]
        return "\n".join(lines)

    def _repr_html_(self):
        return "\n".join(_as_html(number, question) for number, question in enumerate(self.questions, start=1))


def quiz(notebook) -> Quiz:
    """The quiz of a notebook; as the last line of a cell it shows itself. A click on a choice says whether it is right.

    notebook: its number. Raises ValueError if it has no quiz.

    >>> print(str(quiz(1)).splitlines()[0][:2])
    1.
    """
    path = QUESTIONS / f"{int(notebook):02d}.toml"
    if not path.exists():
        raise ValueError(say("notebook {notebook} has no quiz: there is one for {numbers}", notebook=notebook,
                             numbers=", ".join(str(int(each.stem)) for each in sorted(QUESTIONS.glob("*.toml")))))
    return Quiz(tomllib.loads(path.read_text(encoding="utf-8"))["questions"])


def _answer(choice):
    return f"{say('✓ Right.') if choice['right'] else say('✗ No.')} {say(choice['because'])}"


def _as_html(number, question):
    choices = "".join(f"<details style='margin:.3em 0 .3em 1.6em'><summary>{_marked_up(say(choice['text']))}</summary>"
                      f"<p style='margin:.2em 0 .6em 1.1em'>{_marked_up(_answer(choice))}</p></details>"
                      for choice in question["choices"])
    return f"<p><b>{number}.</b> {_marked_up(say(question['asks']))}</p>{choices}"


def _marked_up(text):
    """Text as HTML: `code`, and α_k, A^k with what is lowered and raised: letters and digits, not a Korean particle behind."""
    text = html.escape(text, quote=False)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    parts = re.split(r"(<code>.*?</code>)", text)
    lowered = lambda part: re.sub(r"(?<=\w)_([A-Za-z0-9_]+)", r"<sub>\1</sub>", part)
    mark = lambda part: re.sub(r"\^([A-Za-z0-9_]+)", r"<sup>\1</sup>", lowered(part))
    return "".join(part if part.startswith("<code>") else mark(part) for part in parts)

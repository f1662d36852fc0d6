"""Answers that students give to the exercises, a module for each notebook, as lecture_utils/checks has them.

RIGHT: for each check of a function of arrays one right answer, which the tests turn into every type of number.
ALSO_RIGHT: right answers in other words. WRONG: wrong ones, and a part of what each must be told.
"""

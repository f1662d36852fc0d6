"""Do the tests notice a fault? Puts small faults into the code, one at a time, and runs the tests that should notice.

    .venv/bin/python tests/mutants/run.py                   every change of changes.toml
    .venv/bin/python tests/mutants/run.py boxes checks.py   those whose name or file holds one of these words
    .venv/bin/python tests/mutants/run.py --resume          takes over what an interrupted run found and still holds

A change is a text that stands in a file exactly once, what takes its place, and what a user would suffer. Each is made
in a fresh copy of the checkout, so the checkout itself stays as it is. What comes of it:

    noticed     a test fails: good
    survived    all tests pass, or the tests hang (which is no finding, unless the change says `hangs = true`)
    stale       the text is not there exactly once, or the changed file is no Python: renew the change
    broken      the tests fail without any change, or there are none
    equivalent  no test can notice, for the reason given; not run, not counted

Ends with status 0 if at least 95 % of the changes were noticed and none is stale or broken. An hour or more for all.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHANGES = pathlib.Path(__file__).with_name("changes.toml")
FOUND = pathlib.Path("build", "mutants.json")   # outcomes, for --resume
AIM = 0.95
SECONDS = 300       # a module's tests take ten to sixty on an idle machine
running, ending = set(), threading.Event()      # processes, to be ended with this one


@dataclasses.dataclass(frozen=True)
class Change:
    """One fault: in `file`, `new` instead of `old`; `harm` is what a user suffers, `tests` are what should notice."""

    name: str
    file: str
    old: str
    new: str
    harm: str
    tests: tuple
    equivalent: str = ""
    hangs: bool = False

    def changed(self, root):
        """The file's text with the fault; None if there is no such place, or several, or no Python comes of it."""
        text = read(root / self.file)
        if text.count(self.old) != 1:
            return None
        text = text.replace(self.old, self.new)
        try:
            compile(text, self.file, "exec") if self.file.endswith(".py") else None
        except SyntaxError:
            return None
        return text


@dataclasses.dataclass(frozen=True)
class Outcome:
    kind: str
    by: str = ""        # the test that noticed, or the reason


def read_changes(path):
    """The list of `Change`s; a change without tests of its own has those of its file."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    changes = [Change(**entry | {"tests": tuple(entry.get("tests") or table["tests"][entry["file"]])})
               for entry in table["change"]]
    twice = [name for name, count in collections.Counter(change.name for change in changes).items() if count > 1]
    if twice:
        raise ValueError(f"{path.name} has several changes of the name {twice[0]}")
    return changes


def chosen(changes, words):
    return [change for change in changes if not words or any(word in change.name or word in change.file for word in words)]


# ---- one run of the tests


def copy_checkout(root, folder):
    """Copy what git knows or would take in, work in progress included, into `folder`, a repository of its own."""
    names = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=True,
                           capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (root / name).is_file():     # git lists what was deleted and not yet committed
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, folder / name)
    for words in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)


def run_tests(root, tests, change=None, seconds=SECONDS):
    """(pytest's exit status, None if the time was up; what it printed) in a copy of the checkout with one change."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder, tempfile.TemporaryFile() as printed:
        folder = pathlib.Path(folder)
        copy_checkout(root, folder)
        if change:
            (folder / change.file).write_text(change.changed(folder), encoding="utf-8")
        # Without byte code: it would be taken for that of another change, made in the same second, of the same length.
        process = subprocess.Popen([sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests], cwd=folder,
                                   stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT,
                                   start_new_session=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
        running.add(process)
        try:
            status = process.wait(0 if ending.is_set() else seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            end_group(process)
            running.discard(process)
        printed.seek(0)
        return status, printed.read().decode("utf-8", "replace")


def end_group(process):
    """End the process and whatever it started in its group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def try_out(root, change, seconds=SECONDS, without=None):
    """The `Outcome` of one change; a test that fails is a finding only if `without` any change none of these fails."""
    if change.changed(root) is None:
        return Outcome("stale", f"its text does not stand in {change.file} exactly once, or no Python comes of it")
    status, printed = run_tests(root, change.tests, change, seconds)
    if status == 0 or status is None and not change.hangs:
        return Outcome("survived", "the tests hang" if status is None else "")
    wrong = (without or Unchanged(root, [change], seconds, {})).fault(change)
    if wrong:
        return Outcome("broken", f"without any change: {wrong}")
    return Outcome("noticed", first_failure(printed) or "the tests hang")


class Unchanged:
    """Runs the tests as they are, when it is first asked about one of them: all that changes name in the same files."""

    def __init__(self, root, changes, seconds, known):
        self.root, self.seconds, self.known = root, seconds, known
        self.tests, self.locks = collections.defaultdict(set), collections.defaultdict(threading.Lock)
        for change in changes:
            self.tests[files_of(change)].update(change.tests)

    def fault(self, change):
        """What fails in the tests of a change without it, empty if nothing does."""
        files = files_of(change)
        tests = sorted(self.tests[files])
        key = digest(repr(tests), *(read(self.root / name) for name in (change.file, *files)))
        with self.locks[files]:
            if key not in self.known:
                status, printed = run_tests(self.root, tests, seconds=self.seconds)
                wrong = "" if status == 0 else "no end" if status is None else first_failure(printed) or "no tests"
                self.known[key] = "unchanged", wrong
        return self.known[key][1]


def files_of(change):
    return tuple(dict.fromkeys(name.partition("::")[0] for name in change.tests))


def first_failure(printed):
    return next((line.split()[1] for line in printed.splitlines() if line.startswith(("FAILED ", "ERROR "))), "")


# ---- all of them


def try_all(root, changes, workers=2, seconds=SECONDS, known=None, say=print):
    """{name: `Outcome`}; says each as it comes. `known`: outcomes to take over, by the fingerprint of what they rest on."""
    known = {} if known is None else known
    outcomes = {}

    def found(change, outcome):
        outcomes[change.name] = outcome
        say(f"{len(outcomes):4} of {len(changes)}  {outcome.kind:<11}{change.name}" + (f"  ({outcome.by})" if outcome.by else ""))

    waiting, without = [], Unchanged(root, changes, seconds, known)
    for change in changes:
        if change.equivalent:
            found(change, Outcome("equivalent", change.equivalent))
        elif fingerprint(root, change) in known:
            found(change, Outcome(*known[fingerprint(root, change)]))
        else:
            waiting.append(change)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        try:
            futures = {pool.submit(try_out, root, change, seconds, without): change for change in waiting}
            for future in concurrent.futures.as_completed(futures):
                change, outcome = futures[future], future.result()
                known[fingerprint(root, change)] = outcome.kind, outcome.by
                found(change, outcome)
        except KeyboardInterrupt:
            ending.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                end_group(process)
            raise
    return outcomes


def fingerprint(root, change):
    """Of the change, its file and its tests: whose outcome is not taken over when any of them is another."""
    return digest(repr(change), *(read(root / name) for name in (change.file, *files_of(change))))


def digest(*texts):
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def read(path):
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def table(changes, outcomes):
    """How many changes of each file came to what, and what is left to do."""
    kinds = ("noticed", "survived", "equivalent", "stale", "broken")
    counts = collections.defaultdict(collections.Counter)
    for change in changes:
        counts[change.file][outcomes[change.name].kind] += 1
    lines = [f"\n{'':32}" + "".join(f"{kind:>11}" for kind in kinds)]
    lines += [f"{file:32}" + "".join(f"{count[kind] or '':>11}" for kind in kinds) for file, count in sorted(counts.items())]
    for kind in ("survived", "stale", "broken"):
        lines += [f"\n{kind}:"] * any(outcome.kind == kind for outcome in outcomes.values())
        lines += [f"  {change.name}: {change.harm}" for change in changes if outcomes[change.name].kind == kind]
    return "\n".join(lines)


def score(outcomes):
    """(noticed, of how many that could be)."""
    kinds = collections.Counter(outcome.kind for outcome in outcomes.values())
    return kinds["noticed"], kinds["noticed"] + kinds["survived"]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="word", help="only changes whose name or file holds one of these")
    parser.add_argument("--workers", type=int, default=2, help="changes tried at a time (2)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"that the tests of one change may take ({SECONDS})")
    parser.add_argument("--resume", action="store_true", help="take over the outcomes that an earlier run found")
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):      # which a shell may have told to be ignored
        signal.signal(number, signal.default_int_handler)
    changes = chosen(read_changes(CHANGES), options.words)
    note = ROOT / FOUND
    known = json.loads(note.read_text()) if options.resume and note.is_file() else {}

    def say(line):
        print(line, flush=True)
        note.parent.mkdir(exist_ok=True)
        note.write_text(json.dumps(dict(known)))    # a copy: other threads write into it

    outcomes = try_all(ROOT, changes, options.workers, options.seconds, known, say)
    print(table(changes, outcomes))
    noticed, possible = score(outcomes)
    print(f"\n{noticed} of {possible} changes noticed: {noticed / max(1, possible):.1%}; the aim is {AIM:.0%}.")
    undecided = any(outcome.kind in ("stale", "broken") for outcome in outcomes.values())
    return 1 if undecided or noticed < AIM * possible else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; go on with --resume.")

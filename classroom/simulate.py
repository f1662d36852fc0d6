"""Simulates a class on a JupyterHub of this computer: `python3 course.py class 1 2 4`, each number a class of so many students.

Every student logs in, gets the course and a server of their own, opens notebooks 1 to 3 one after the other through the
hub's proxy, runs all cells, loses the connection in the middle and comes back, saves, and leaves; every other one leaves
without shutting anything down. In the end each must have the outputs that the course's notebooks have, none may have
reached another's files, and the memory must be free again. The hub has the settings of course_hub.py. Ends with status 0
if all that holds. Linux or macOS; by root, students are kept apart by user numbers as on a real hub.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from typing import NamedTuple

import nbformat
import numpy as np
import psutil
import requests
import websocket

from tools.notebooks import notebook_paths

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "classroom"
PROXY = "configurable-http-proxy@5.3.0"
STUDENTS_PYTHON = BUILD / "env" / "bin" / "python"
SECONDS = 600  # one request, one cell: beyond it something hangs
GB_OF_A_STUDENT = 2.5  # server, kernel, and for every other one the last notebook's kernel, at most (README.md)
PEAK_AND_CPU = "import resource as r; u = r.getrusage(r.RUSAGE_SELF); print(u.ru_maxrss, u.ru_utime + u.ru_stime)"

INTRUSION = """\
import os
print("begun")
for path in {paths}:
    try:
        os.listdir(path) if os.path.isdir(path) else open(path, "rb").read()
        print("a student's kernel can read", path)
    except PermissionError:
        pass
try:
    os.kill({process}, 0)
    print("a student's kernel can end the hub's process")
except PermissionError:
    pass
"""


class Failed(Exception):
    """A sentence: what a student met that must not be."""


# ---- what the hub needs


def prepare():
    """Make an environment with JupyterHub in which the course's packages are seen, and fetch the hub's proxy; once."""
    lock = ROOT / "classroom" / "requirements.lock"
    done = BUILD / "complete"
    if done.is_file() and done.read_text() == lock.read_text() and STUDENTS_PYTHON.exists():
        return
    if not shutil.which("npm"):
        sys.exit("The hub's proxy is a Node program: install Node.js with npm (https://nodejs.org/) and run this again.")
    print("Preparing the hub (once, about a minute)", flush=True)
    shutil.rmtree(BUILD, ignore_errors=True)
    call(python_for_all(), "-m", "venv", "--without-pip", str(BUILD / "env"))
    packages = next((BUILD / "env").glob("lib/python*/site-packages"))
    (packages / "course.pth").write_text(next(pathlib.Path(sys.prefix).glob("lib/python*/site-packages")).as_posix() + "\n")
    call(*installer(), "--require-hashes", "-r", str(lock))
    call("npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(BUILD), PROXY)
    done.write_text(lock.read_text())


def python_for_all():
    """A Python of this version that other users can start as well; this one, where there is none."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for path in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        real = pathlib.Path(path).resolve()
        if real.is_file() and all(parent.stat().st_mode & 0o005 == 0o005 for parent in real.parents):
            return path
    return sys.executable


def installer():
    """The command that installs into the students' environment."""
    if shutil.which("uv"):
        return ["uv", "pip", "install", "--quiet", "--python", str(STUDENTS_PYTHON)]
    return [sys.executable, "-m", "pip", "--python", str(STUDENTS_PYTHON), "install", "--quiet", "--disable-pip-version-check"]


def call(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} … failed:\n{(done.stderr or done.stdout).strip()[-2000:]}")


# ---- the hub


class Hub:
    """A JupyterHub with its proxy in a folder of its own; `with Hub(60) as hub:`, and all of it is gone afterwards."""

    def __init__(self, cull_after):
        self.cull_after = cull_after  # seconds until an idle kernel ends; half an hour on a real hub

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="class-")
        self.folder = pathlib.Path(self.temporary.name)
        self.folder.chmod(0o711)  # students pass through to their homes, and list nothing
        (self.folder / "homes").mkdir(mode=0o711)
        (self.folder / "homes").chmod(0o711)
        (self.folder / "hub").mkdir(mode=0o700)  # the hub's database, secret and log
        self.url, hub_url, proxy_url = (f"http://127.0.0.1:{port}" for port in free_ports(3))
        self.password = secrets.token_hex(16)
        repository = publish(self.folder / "course.git")
        variables = {
            "PATH": f"{STUDENTS_PYTHON.parent}:{os.environ['PATH']}", "LANG": "C.UTF-8", "HOME": str(self.folder),
            "SIMULATION": str(self.folder), "SIMULATION_PASSWORD": self.password, "SIMULATION_URL": self.url,
            "SIMULATION_HUB_URL": hub_url, "SIMULATION_CULL_AFTER": str(self.cull_after),
            "SIMULATION_PROXY": str(BUILD / "node_modules" / ".bin" / "configurable-http-proxy"),
            "SIMULATION_PROXY_URL": proxy_url, "COURSE_FOLDER": str(ROOT),
            "SIMULATION_PACKAGES": sys.prefix, "COURSE_REPOSITORY": repository}
        self.log = open(self.folder / "hub" / "hub.log", "w")
        self.process = subprocess.Popen(
            [STUDENTS_PYTHON, "-m", "jupyterhub", "-f", str(ROOT / "classroom" / "simulated_hub.py")], cwd=self.folder / "hub",
            env=variables, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True)
        self.wait()
        return self

    def wait(self):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/hub/api", timeout=5).ok:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.25)
        text = (self.folder / "hub" / "hub.log").read_text()[-3000:]
        self.__exit__()
        raise SystemExit(f"The hub did not start. The end of its log:\n{text}")

    def __exit__(self, *_):
        members = [*psutil.Process(self.process.pid).children(recursive=True)] if self.process.poll() is None else []
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        for process in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.log.close()
        self.temporary.cleanup()


def free_ports(count):
    """Ports that nobody listens on, all held at once, so that none comes twice."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def publish(bare):
    """Make a repository at `bare` of what this checkout holds, but for what git ignores; its address."""
    git = ["git", "-c", "user.name=class", "-c", "user.email=class@localhost", f"--git-dir={bare}", f"--work-tree={ROOT}"]
    call("git", "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    call(*git, "-c", "core.bare=false", "add", "--all")
    call(*git, "-c", "core.bare=false", "commit", "--quiet", "-m", "as it is now")
    (bare.parent / "gitconfig").write_text(f"[safe]\n\tdirectory = {bare}\n")
    return bare.as_uri()


# ---- a student


class Student(threading.Thread):
    """One student's hour, through HTTP and websockets as a browser would; afterwards `error`, `seconds` and `kernels` tell."""

    def __init__(self, hub, number, notebooks, everyone_ready, leaves_all_running):
        super().__init__(daemon=True)
        self.hub, self.name, self.notebooks = hub, f"student{number}", notebooks
        self.everyone_ready, self.leaves_all_running = everyone_ready, leaves_all_running
        self.error, self.wrong, self.seconds, self.kernels = "", [], {}, {}

    def run(self):
        try:
            self.log_in()
            self.start_server()
            self.everyone_ready.wait(SECONDS)
            for path in self.notebooks:
                self.work_through(path)
        except Exception as error:  # whatever a student met: the report names it
            self.everyone_ready.abort()
            self.error = f"{self.name}: {type(error).__name__}: {error}"

    def log_in(self):
        self.web = requests.Session()
        self.web.get(f"{self.hub.url}/hub/login", timeout=SECONDS)
        self.web.post(f"{self.hub.url}/hub/login", timeout=SECONDS, data={
            "username": self.name, "password": self.hub.password, "_xsrf": self.web.cookies.get("_xsrf")})
        answer = self.web.post(f"{self.hub.url}/hub/api/users/{self.name}/tokens", json={}, timeout=SECONDS,
                               params={"_xsrf": self.web.cookies.get("_xsrf", path="/hub/")})
        self.headers = {"Authorization": f"token {checked(answer).json()['token']}"}

    def start_server(self):
        began, url = time.monotonic(), f"{self.hub.url}/hub/api/users/{self.name}"
        checked(requests.post(f"{url}/server", headers=self.headers, timeout=SECONDS))
        while not checked(requests.get(url, headers=self.headers, timeout=SECONDS)).json()["servers"].get("", {}).get("ready"):
            if time.monotonic() - began > SECONDS:
                raise Failed("the server did not start")
            time.sleep(0.5)
        checked(requests.get(self.api("../lab/tree/cnn-visual-explanations/my"), headers=self.headers, timeout=SECONDS))
        self.seconds["server"] = time.monotonic() - began

    def api(self, path):
        return f"{self.hub.url}/user/{self.name}/api/{path}"

    def work_through(self, path):
        """Open the copy of a notebook, run all its cells, save it and close it."""
        began, mine = time.monotonic(), f"cnn-visual-explanations/my/{path.name}"
        content = checked(requests.get(self.api(f"contents/{mine}"), headers=self.headers, timeout=SECONDS)).json()["content"]
        notebook = nbformat.from_dict(content)
        with self.kernel(mine) as kernel:
            cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
            for number, cell in enumerate(cells):
                cell.outputs = kernel.run(cell.source, disconnect=number == len(cells) // 2)
                self.seconds.setdefault("first cell", time.monotonic() - began)
            peak, cpu = map(float, kernel.run(PEAK_AND_CPU)[0].text.split())
        checked(requests.put(self.api(f"contents/{mine}"), headers=self.headers, timeout=SECONDS,
                             json={"type": "notebook", "format": "json", "content": notebook}))
        self.wrong += [f"{self.name}, {path.stem}: {line}" for line in differences(notebook, nbformat.read(path, as_version=4))]
        self.seconds[path.stem] = time.monotonic() - began
        self.kernels[path.stem] = peak / (1e3 if sys.platform == "linux" else 1e6), cpu  # kB on Linux, bytes on macOS

    @contextlib.contextmanager
    def kernel(self, mine):
        session = checked(requests.post(self.api("sessions"), headers=self.headers, timeout=SECONDS, json={
            "path": mine, "name": mine, "type": "notebook", "kernel": {"name": "python3"}})).json()
        kernel = Kernel(self.api(f"kernels/{session['kernel']['id']}/channels").replace("http", "ws", 1), self.headers)
        try:
            yield kernel
        finally:
            kernel.close()
        if not self.leaves_all_running:
            checked(requests.delete(self.api(f"sessions/{session['id']}"), headers=self.headers, timeout=SECONDS))

    def stop_server(self):
        requests.delete(f"{self.hub.url}/hub/api/users/{self.name}/server", headers=self.headers, timeout=SECONDS)

    def running_kernels(self):
        return len(checked(requests.get(self.api("kernels"), headers=self.headers, timeout=SECONDS)).json())


class Kernel:
    """A kernel behind a websocket."""

    def __init__(self, url, headers):
        self.session = uuid.uuid4().hex
        self.url, self.headers = f"{url}?session_id={self.session}", headers
        self.open()

    def open(self):
        self.socket = websocket.create_connection(self.url, timeout=SECONDS, header=self.headers)

    def close(self):
        self.socket.close()

    def run(self, code, disconnect=False):
        """The outputs of `code`; with `disconnect` they come while the connection is lost, and must be there afterwards."""
        request = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": self.session, "username": "",
                   "version": "5.3", "date": ""}
        self.socket.send(json.dumps({
            "header": request, "parent_header": {}, "metadata": {}, "channel": "shell", "buffers": [],
            "content": {"code": "import time; time.sleep(2)\n" * disconnect + code, "silent": False, "store_history": True,
                        "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}}))
        if disconnect:
            self.socket.shutdown()  # without a word, as where a lid is shut; what is on its way at that moment is lost
            time.sleep(4)
            self.open()
        outputs, replied, idle, deadline = [], False, False, time.monotonic() + SECONDS
        while not (replied and idle):
            message = self.receive(deadline)
            if message["parent_header"].get("msg_id") != request["msg_id"]:
                continue
            kind, content = message["msg_type"], message["content"]
            replied |= kind == "execute_reply"
            idle |= kind == "status" and content["execution_state"] == "idle"
            if kind in ("stream", "display_data", "execute_result", "error"):
                add(outputs, nbformat.v4.output_from_msg(message))
        return outputs

    def receive(self, deadline):
        """The next message. The server's pings count for nothing: they go on when a kernel is gone."""
        while time.monotonic() < deadline:
            kind, frame = self.socket.recv_data_frame(control_frame=True)
            if kind == websocket.ABNF.OPCODE_CLOSE:
                raise Failed("the connection to the kernel broke")
            if kind == websocket.ABNF.OPCODE_TEXT:  # binary is a widget's state
                return json.loads(frame.data)
        raise Failed(f"a cell had no answer in {SECONDS} s")


def add(outputs, output):
    """Append an output; text that continues the last one's stream is joined to it."""
    if output.output_type == "error":
        raise Failed(f"a cell failed: {output.ename}: {output.evalue}")
    if outputs and output.output_type == outputs[-1].output_type == "stream" and output.name == outputs[-1].name:
        outputs[-1].text += output.text
    else:
        outputs.append(output)


def checked(answer):
    if not answer.ok:
        raise Failed(f"{answer.request.method} {answer.request.path_url} was answered {answer.status_code}: {answer.text[:300]}")
    return answer


def differences(notebook, course):
    """A line for each of the course's claims (cells marked for nbval) whose output is another in `notebook`."""
    theirs = {cell.id: claim(cell) for cell in notebook.cells if cell.cell_type == "code"}
    claims = [cell for cell in course.cells if "nbval-check-output" in cell.metadata.get("tags", [])]
    return [f"cell {cell.id} printed {theirs.get(cell.id)!r} instead of {claim(cell)!r}" for cell in claims
            if theirs.get(cell.id) != claim(cell)]


def claim(cell):
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return re.sub(r"0x[0-9a-f]+", "0x", "".join(texts))


# ---- whether one reaches another's files


def trespasses(hub, intruder, victim):
    """Lines for what `intruder` could read of `victim`, with any means they have; must be empty."""
    user = f"/user/{victim.name}"
    files = [f"{user}/api/contents/cnn-visual-explanations/my", f"{user}/files/cnn-visual-explanations/README.md",
             f"{user}/api/kernels", f"{user}/api/terminals"]
    for path in files:  # if not even the owner got through, refusing the others would show nothing
        checked(requests.get(hub.url + path, headers=victim.headers, timeout=SECONDS))
    asks = {"nobody logged in": lambda url: requests.get(url, timeout=SECONDS),
            "another's cookies": lambda url: intruder.web.get(url, timeout=SECONDS),
            "another's token": lambda url: requests.get(url, headers=intruder.headers, timeout=SECONDS)}
    paths = [*files, f"/hub/api/users/{victim.name}", "/hub/api/users", "/hub/admin"]
    found = [f"{path} was opened with {means}" for means, ask in asks.items() for path in paths
             if was_opened(ask(hub.url + path))]
    return found + (reached_from_a_kernel(intruder, victim) if students_are_apart() else [])


def was_opened(answer):
    """Whether the answer is what was asked for, and neither a refusal nor the way to the log-in page."""
    ways_in = "/hub/login", "/hub/api/oauth2/authorize", "/hub/spawn", "/hub/home"
    return answer.ok and not any(page in answer.url for page in ways_in)


def reached_from_a_kernel(intruder, victim):
    """What code in the intruder's kernel can open or end: other homes, the hub's database, its secret, its process."""
    folder = intruder.hub.folder
    paths = [str(path) for path in (folder / "homes", folder / "homes" / victim.name, folder / "hub",
                                    folder / "hub" / "hub.sqlite", folder / "hub" / "cookie_secret")]
    with intruder.kernel("cnn-visual-explanations/my/intruder.ipynb") as kernel:
        return kernel.run(INTRUSION.format(paths=paths, process=intruder.hub.process.pid))[0].text.splitlines()[1:]


def students_are_apart():
    """Whether each student's server runs under a user number of its own."""
    return os.geteuid() == 0


# ---- the class


class Row(NamedTuple):
    """What one class gave; memory in GB above that before the class, seconds as median and longest of the students."""

    students: int
    errors: list
    seconds: float
    cpu_seconds: float
    peak: float
    left: float
    server: list
    first_cell: list
    kernels: dict  # notebook -> list of (peak MB, CPU seconds)


class Machine(threading.Thread):
    """Watches how much memory of this computer is taken."""

    def __init__(self):
        super().__init__(daemon=True)
        self.before, self.peak, self.cpu_before = self.taken(), 0.0, busy_seconds()
        self.end = threading.Event()

    def taken(self):
        memory = psutil.virtual_memory()
        return (memory.total - memory.available) / 1e9

    def run(self):
        while not self.end.wait(0.5):
            self.peak = max(self.peak, self.taken() - self.before)


def busy_seconds():
    times = psutil.cpu_times()
    return times.user + times.system


def hold_class(number, notebooks):
    """Simulate a class of `number` students; its `Row`."""
    machine, began = Machine(), time.monotonic()
    machine.start()
    with Hub(cull_after=60 + 10 * number) as hub:  # a kernel that waits for its turn to start counts as idle
        everyone_ready = threading.Barrier(number)
        students = [Student(hub, n, notebooks, everyone_ready, leaves_all_running=n % 2 == 1) for n in range(number)]
        for student in students:
            student.start()
        follow(students)
        seconds, cpu_seconds = time.monotonic() - began, busy_seconds() - machine.cpu_before
        errors = [error for student in students for error in ([student.error] if student.error else student.wrong)]
        if number > 1 and not errors:
            errors += trespasses(hub, students[1], students[0])
        if not errors:
            errors += leave(students, hub.cull_after)
    machine.end.set()
    time.sleep(2)
    return Row(number, errors, seconds, cpu_seconds, machine.peak, machine.taken() - machine.before,
               [student.seconds.get("server", 0) for student in students],
               [student.seconds.get("first cell", 0) for student in students],
               {path.stem: [student.kernels[path.stem] for student in students if path.stem in student.kernels]
                for path in notebooks})


def follow(students):
    """Wait for all, and say every quarter of a minute how far they are."""
    began = spoken = time.monotonic()
    while any(student.is_alive() for student in students):
        time.sleep(0.5)
        if time.monotonic() - spoken > 15:
            spoken = time.monotonic()
            done = sum(len(student.kernels) for student in students)
            print(f"  {spoken - began:4.0f} s  {done} of {len(students) * len(students[0].notebooks)} notebooks done", flush=True)


def leave(students, cull_after):
    """Wait until the kernels left running have ended by themselves, and shut the servers down; lines for what stayed."""
    deadline = time.monotonic() + 2 * cull_after + 30
    while (left := sum(student.running_kernels() for student in students)) and time.monotonic() < deadline:
        time.sleep(2)
    for student in students:
        student.stop_server()
    return [f"{left} idle kernels were not ended after {2 * cull_after + 30} s"] if left else []


# ---- the report


def report(rows):
    """Tables in Markdown: the classes, what each notebook takes, and what grows with the students."""
    lines = ["| students | errors | all done, s | CPU, s | peak memory, GB | left afterwards, GB | server ready, s "
             "| first cell, s |",
             "|---|---|---|---|---|---|---|---|"]
    lines += [f"| {row.students} | {len(row.errors)} | {row.seconds:.0f} | {row.cpu_seconds:.0f} | {row.peak:.1f} "
              f"| {row.left:.1f} | {spread(row.server)} | {spread(row.first_cell)} |" for row in rows]
    lines += ["", "| notebook | peak memory of its kernel, MB | CPU, s |", "|---|---|---|"]
    lines += [f"| {name} | {max(peak for peak, _ in used):.0f} | {statistics.median(cpu for _, cpu in used):.0f} |"
              for name, used in rows[0].kernels.items() if used]
    return "\n".join(lines + ["", *projection(rows)])


def spread(seconds):
    return f"{statistics.median(seconds):.0f} ({max(seconds):.0f})"


def projection(rows, students=300):
    """A straight line through the classes' memory and CPU, and where it stands at `students`."""
    if len(rows) < 3:
        return []
    sizes = np.array([row.students for row in rows])
    lines = []
    for what, unit, values in (("Peak memory", "GB", [row.peak for row in rows]),
                               ("CPU", "s", [row.cpu_seconds for row in rows])):
        slope, base = np.polyfit(sizes, values, 1)
        off = np.abs(base + slope * sizes - values).max()
        lines.append(f"{what}: {base:.2f} + {slope:.2f} × students {unit} (off by at most {off:.2f}); "
                     f"for {students}: {base + slope * students:,.0f} {unit}.")
    return lines


def main():
    parser = argparse.ArgumentParser(prog="course.py class", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("students", nargs="*", type=int, default=[2], help="sizes of the classes; 2, if none is named")
    parser.add_argument("--notebooks", nargs="+", default=["01", "02", "03"], metavar="03", help="01 02 03, if none is named")
    arguments = parser.parse_args()
    if sys.platform == "win32":
        sys.exit("JupyterHub does not run on Windows.")
    notebooks = [path for path in notebook_paths(ROOT / "notebooks") if path.stem[:2] in arguments.notebooks]
    if not notebooks or min(arguments.students) < 1:
        sys.exit("Name notebooks by their two digits, as in --notebooks 01 03, and classes of at least 1 student.")
    free = psutil.virtual_memory().available / 1e9
    if max(arguments.students) * GB_OF_A_STUDENT > free:
        sys.exit(f"A class of {max(arguments.students)} needs about {max(arguments.students) * GB_OF_A_STUDENT:.0f} GB of "
                 f"memory, and {free:.0f} GB are free: this computer carries {int(free / GB_OF_A_STUDENT)} students.")
    prepare()
    rows = []
    for number in arguments.students:
        print(f"\nA class of {number}", flush=True)
        rows.append(hold_class(number, notebooks))
        for error in rows[-1].errors:
            print(f"  {error}", flush=True)
    print(f"\n{report(rows)}")
    if not students_are_apart():
        print("\nNot tested, because only root can: whether code in one student's kernel reaches another's files.")
    return 1 if any(row.errors for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Executes notebooks, each in a process of its own that can be killed, and shows how far they are."""
import dataclasses
import logging
import multiprocessing
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from multiprocessing.connection import wait

import nbformat
import psutil
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from .languages import say

BYTES_OF_A_KERNEL = 3e9  # TensorFlow, a VGG16 and its gradients


@dataclasses.dataclass
class Run:
    """One execution of one notebook: where it is, and in the end what came of it."""

    path: pathlib.Path
    cells: int  # code cells that hold code
    cell: int = 0  # how many of them were begun
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    notebook: nbformat.NotebookNode = None  # executed, as far as it went
    error: str = ""  # empty when all went well

    @property
    def name(self):
        return self.path.stem


def embedded_environment(empty_folder):
    """Variables under which every loader takes the embedded data: nothing local, no cache, no network."""
    return {"COURSE_OFFLINE": "1", "COURSE_DATA": str(empty_folder),
            "COURSE_CACHE": str(empty_folder), "KERAS_HOME": str(empty_folder)}


def execute_all(paths, cell_limit, limit, stream=sys.stdout):
    """Execute the notebooks, as many at once as this computer carries; a list of finished `Run`s, in their order.

    A cell may take `cell_limit` seconds, a notebook `limit`. A failed notebook does not stop the others.
    """
    runs = [Run(path, len(code_cells(nbformat.read(path, as_version=4)))) for path in paths]
    waiting, working, progress = list(runs), [], Progress(stream)
    try:
        while waiting or working:
            while waiting and len(working) < kernels_at_once():
                working.append(Worker(waiting.pop(0), cell_limit, limit))
            wait([worker.messages for worker in working], timeout=0.2)
            for worker in working:
                worker.update()
            for worker in [worker for worker in working if worker.finished]:
                working.remove(worker)
                progress.finished(worker.run)
            progress.show([worker.run for worker in working])
    finally:
        for worker in working:
            worker.kill()
    return runs


def kernels_at_once():
    """Two, where there are two cores and the memory for two; TensorFlow itself uses what cores are left."""
    carried = int(psutil.virtual_memory().total // BYTES_OF_A_KERNEL)
    return max(1, min(2, os.cpu_count() or 1, carried))


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


class Worker:
    """The process that executes one notebook, seen from outside."""

    def __init__(self, run, cell_limit, limit):
        self.run, self.limit, self.finished = run, limit, False
        self.began = time.monotonic()
        self.messages, theirs = multiprocessing.Pipe(duplex=False)
        spawn = multiprocessing.get_context("spawn")
        self.process = spawn.Process(target=execute, args=(run.path, cell_limit, theirs))
        self.process.start()
        theirs.close()

    def update(self):
        """Take in what the process has sent, and end it when its time is up."""
        self.run.seconds = time.monotonic() - self.began
        try:
            while not self.finished and self.messages.poll():
                self.take(self.messages.recv())
        except EOFError:
            self.stop(say("its process ended without a word; was there enough memory?"))
        if not self.finished and self.run.seconds > self.limit:
            self.stop(say("it took longer than {limit:.0f} s and was stopped", limit=self.limit))

    def take(self, message):
        if isinstance(message, int):
            self.run.cell = message
        else:
            self.run.notebook, self.run.cpu_seconds, self.run.error = message
            self.finished = True

    def stop(self, why):
        self.kill()
        self.run.error = say("{notebook}, cell {n}: {why}", notebook=self.run.name, n=self.run.cell, why=why)
        self.finished = True

    def kill(self):
        """End the process and its kernel, whatever they are doing."""
        try:
            process = psutil.Process(self.process.pid)
            for one in process.children(recursive=True) + [process]:
                one.kill()
        except psutil.NoSuchProcess:
            pass


# ---- inside the process


def execute(path, cell_limit, messages):
    """Execute the notebook at `path`; send the number of each cell begun, then (notebook, CPU seconds, error)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends this process
    notebook = cleared(nbformat.read(path, as_version=4))
    manager = AsyncKernelManager(kernel_spec_manager=ThisPython())
    client = NotebookClient(notebook, km=manager, timeout=cell_limit, coalesce_streams=True, record_timing=False,
                            shutdown_kernel="immediate", resources={"metadata": {"path": str(path.parent)}})
    client.log.setLevel(logging.CRITICAL)  # what it logs as errors is said below, in a sentence
    error, number = "", 0
    environment = {name: value for name, value in os.environ.items() if name != "COURSE_LANG"}      # a notebook chooses itself
    with client.setup_kernel(cleanup_kc=True, stderr=subprocess.DEVNULL, env=environment):
        try:
            for index, cell in enumerate(notebook.cells):
                if cell.cell_type == "code" and cell.source.strip():
                    messages.send(number := number + 1)
                    client.execute_cell(cell, index, execution_count=number)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as failure:
            error = say("{notebook}, cell {n}: {why}", notebook=path.stem, n=number, why=in_words(failure, cell_limit))
        cpu_seconds = sum(process_cpu_seconds(process) for process in psutil.Process().children(recursive=True))
    messages.send((notebook, cpu_seconds, error))


def cleared(notebook):
    """The notebook without the outputs of an earlier execution."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata.pop("widgets", None)
    return notebook


def in_words(failure, cell_limit):
    if isinstance(failure, CellExecutionError):
        return f"{failure.ename}: {failure.evalue}"
    if isinstance(failure, CellTimeoutError):
        return say("it took longer than {limit:.0f} s and was stopped", limit=cell_limit)
    return say("the kernel died; was there enough memory?")


def process_cpu_seconds(process):
    try:
        times = process.cpu_times()
        return times.user + times.system
    except psutil.NoSuchProcess:
        return 0.0


class ThisPython(KernelSpecManager):
    """The kernel of this very environment, whatever kernels the computer's users have installed."""

    def get_kernel_spec(self, kernel_name):
        return KernelSpec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                          display_name="Python 3 (ipykernel)", language="python")


# ---- progress


class Progress:
    """On a terminal one line, written over; elsewhere one line for each notebook every 15 seconds and at its end."""

    def __init__(self, stream, every=15.0):
        self.stream, self.every, self.spoken = stream, every, {}
        self.is_terminal = stream.isatty()

    def show(self, runs):
        if self.is_terminal:
            self.write_over("   ".join(map(self.state, runs)))
            return
        for run in runs:
            if run.cell and run.seconds - self.spoken.setdefault(run.path, 0.0) >= self.every:
                self.spoken[run.path] = run.seconds
                print(self.state(run), file=self.stream, flush=True)

    def state(self, run):
        return say("{notebook}  cell {n} of {all}  {seconds:.0f} s", notebook=run.name, n=run.cell, all=run.cells,
                   seconds=run.seconds)

    def finished(self, run):
        if self.is_terminal:
            self.write_over("")
        outcome = say("FAILED: {error}", error=run.error) if run.error else say("done: {n} cells", n=run.cells)
        print(f"{run.name:<28}{run.seconds:4.0f} s  {outcome}", file=self.stream, flush=True)

    def write_over(self, line):
        width = shutil.get_terminal_size().columns - 1
        self.stream.write(f"\r{'':<{width}}\r{line[:width]}")
        self.stream.flush()

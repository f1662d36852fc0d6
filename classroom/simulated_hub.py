"""The hub of the simulated class: the settings of a real one (course_hub.py) with what a test needs in place of TLJH's parts.

Everything lives in the folder SIMULATION. Started by root, each student's server runs under a user number of its own, as
The Littlest JupyterHub does it with system users; else all run as the user who started the simulation.
"""
import os
import pathlib

from jupyterhub.spawner import SimpleLocalProcessSpawner

FOLDER = pathlib.Path(os.environ["SIMULATION"])
FIRST_ID = 20_000  # of the students' user numbers; no such users exist on the machine
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0

load_subconfig(str(pathlib.Path(__file__).with_name("course_hub.py")))  # noqa: F821  (given by JupyterHub)
c = get_config()  # noqa: F821  (this too)


class StudentSpawner(SimpleLocalProcessSpawner):
    """A process for each student, in a home and, where possible, under a user number of their own."""

    home_dir_template = str(FOLDER / "homes" / "{username}")

    def make_preexec_fn(self, name):
        home, number = self.home_dir, FIRST_ID + int(name.removeprefix("student"))
        os.makedirs(home, exist_ok=True)
        os.chmod(home, 0o700)
        if ROOT:
            os.chown(home, number, number)

        def begin():
            if ROOT:
                os.setgroups([])
                os.setgid(number)
                os.setuid(number)
            os.umask(0o077)
            os.chdir(home)
        return begin


c.JupyterHub.spawner_class = StudentSpawner
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ["SIMULATION_PASSWORD"]
c.Authenticator.allow_all = True
c.Authenticator.allowed_users = set()
c.Authenticator.username_pattern = r"student\d+"
c.JupyterHub.bind_url = os.environ["SIMULATION_URL"]
c.JupyterHub.hub_bind_url = os.environ["SIMULATION_HUB_URL"]
c.ConfigurableHTTPProxy.command = [os.environ["SIMULATION_PROXY"]]
c.ConfigurableHTTPProxy.api_url = os.environ["SIMULATION_PROXY_URL"]
c.JupyterHub.db_url = f"sqlite:///{FOLDER}/hub/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(FOLDER / "hub" / "cookie_secret")
c.JupyterHub.cleanup_servers = True
PACKAGES = os.environ["SIMULATION_PACKAGES"]  # where the course's environment lies
c.Spawner.environment = c.Spawner.environment | {
    "COURSE_REPOSITORY": os.environ["COURSE_REPOSITORY"],
    "GIT_CONFIG_GLOBAL": str(FOLDER / "gitconfig"),  # students' git may read the repository, whoever owns it
    "JUPYTER_CONFIG_PATH": f"{PACKAGES}/etc/jupyter", "JUPYTER_PATH": f"{PACKAGES}/share/jupyter",
    "JUPYTERLAB_DIR": f"{PACKAGES}/share/jupyter/lab"}
c.Spawner.env_keep = ["PATH", "LANG", "LC_ALL", "TZ"]
cull_after = os.environ["SIMULATION_CULL_AFTER"]
c.Spawner.args = [f"--MappingKernelManager.cull_idle_timeout={cull_after}", "--MappingKernelManager.cull_interval=5",
                  "--MappingKernelManager.cull_connected=True"]

"""JupyterHub's settings for the course. The Littlest JupyterHub reads this file from jupyterhub_config.d (README.md).

It expects the course at /opt/cnn-visual-explanations, readable to all, and its packages in the students' environment.
"""
import os

COURSE = os.environ.get("COURSE_FOLDER", "/opt/cnn-visual-explanations")

c = get_config()  # noqa: F821  (given by JupyterHub)

# As the student: brings the course into their home and their copies into my/, then starts their server.
c.Spawner.cmd = ["python3", f"{COURSE}/classroom/start_server.py", "jupyterhub-singleuser"]
c.Spawner.default_url = "/lab/tree/cnn-visual-explanations/my"
c.Spawner.environment = {
    "COURSE_REPOSITORY": f"file://{COURSE}",  # students clone and pull from here: no network, no limits of a host
    "COURSE_OFFLINE": "1",                    # drawn data for all, so that all see the same numbers
    "TF_NUM_INTRAOP_THREADS": "2",            # else every kernel starts a thread for every core of the server
    "OMP_NUM_THREADS": "2",
}
c.Spawner.mem_limit = "4G"      # two notebooks at work; beyond it the kernel ends, not the server of all
c.Spawner.cpu_limit = 2
c.Spawner.start_timeout = 120   # thirty people start at once, and the first time the course is cloned
c.Spawner.http_timeout = 120
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=1800",  # an idle kernel gives its memory back after half an hour
    "--MappingKernelManager.cull_interval=300",
    "--MappingKernelManager.cull_connected=True",     # also where its tab is still open
]
c.JupyterHub.concurrent_spawn_limit = 20

"""The course on a JupyterHub: its settings, what starts a student's server, and a class simulated on one computer."""

"""Configuration of the Jupyter servers that the browser tests start: on this machine only, without a token."""

from __future__ import annotations

from jupyterlab.galata import configure_jupyter_server

c = get_config()  # type: ignore[name-defined]  # noqa: F821 (traitlets puts it there)

configure_jupyter_server(c)
c.JupyterNotebookApp.expose_app_in_browser = True
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.allow_root = True
c.LabApp.log_level = "ERROR"

# Sockets in a folder: two kernels that start at once cannot be given the same TCP port.
c.KernelManager.transport = "ipc"

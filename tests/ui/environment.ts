import path from "node:path";

export const VENV_BIN = path.resolve(__dirname, "../../.venv/bin");

/** `scripts/check.py` picks free ports; a run by hand takes these. */
export const PORTS = {
  lab: Number(process.env.LAB_PORT ?? 18888),
  notebook: Number(process.env.NOTEBOOK_PORT ?? 18889),
};

/** Root folder of both Jupyter servers: the images, and a folder for each test. Runs side by side have their own. */
export const WORK = path.join(__dirname, "work", String(PORTS.lab));
export const DATA = path.join(WORK, "data");

/** Runs as root, without a display, and without a word to the network. */
export const CHROMIUM_ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

import { mkdtempSync } from "node:fs";
import path from "node:path";

export const VENV_BIN = path.resolve(__dirname, "../../.venv/bin");

/** `scripts/check.py` picks free ports; a run by hand takes these. */
export const PORTS = {
  lab: Number(process.env.LAB_PORT ?? 18888),
  notebook: Number(process.env.NOTEBOOK_PORT ?? 18889),
  marimo: Number(process.env.MARIMO_PORT ?? 18890),
};

/** Root folder of all servers: the images, and a folder for each test. Runs side by side have their own. */
export const WORK = path.join(__dirname, "work", String(PORTS.lab));
export const DATA = path.join(WORK, "data");

/**
 * Where kernels open their sockets. The path of a Unix socket has room for some 100 characters, so it cannot lie under
 * the checkout or under macOS's long `os.tmpdir()`. Playwright's workers inherit the variable, and with it the folder.
 */
process.env.UI_TESTS_RUNTIME ??= mkdtempSync("/tmp/simwidget-");
export const RUNTIME = process.env.UI_TESTS_RUNTIME;

/** Runs as root, without a display, and without a word to the network. */
export const CHROMIUM_ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

import { mkdirSync, writeFileSync } from "node:fs";
import { defineConfig } from "@playwright/test";
import { CHROMIUM_ARGS, PORTS, RUNTIME, VENV_BIN, WORK } from "./environment";
import type { AppOptions } from "./fixtures";

mkdirSync(`${WORK}/.marimo/marimo`, { recursive: true });
writeFileSync(
  `${WORK}/.marimo/marimo/marimo.toml`,
  "[runtime]\nauto_instantiate = true # run all cells at once\n",
);

/** A real Jupyter server of the project's own virtual environment, blind to the user's configuration. */
function server(app: "lab" | "notebook") {
  return {
    command: `"${VENV_BIN}/jupyter" ${app} --config=jupyter_server_config.py --log-level=ERROR --ServerApp.port=${PORTS[app]}`,
    url: `http://127.0.0.1:${PORTS[app]}/api`,
    env: {
      JUPYTERLAB_GALATA_ROOT_DIR: WORK,
      JUPYTER_CONFIG_DIR: `${WORK}/.jupyter/config`,
      JUPYTER_DATA_DIR: `${WORK}/.jupyter/data`,
      JUPYTER_RUNTIME_DIR: `${RUNTIME}/${app}`,
      IPYTHONDIR: `${WORK}/.ipython`,
    },
    reuseExistingServer: false,
    timeout: 120_000,
  };
}

/** marimo's editor on the same folder; what it keeps between runs stays in there too. */
const marimoServer = {
  command: `"${VENV_BIN}/marimo" --log-level=ERROR edit "${WORK}" --headless --no-token --skip-update-check --port=${PORTS.marimo}`,
  url: `http://127.0.0.1:${PORTS.marimo}/health`,
  env: {
    XDG_CONFIG_HOME: `${WORK}/.marimo`,
    XDG_STATE_HOME: `${WORK}/.marimo`,
    XDG_CACHE_HOME: `${WORK}/.marimo`,
  },
  reuseExistingServer: false,
  timeout: 120_000,
};

const lab = { appPath: "/lab", documentPath: "tree", baseURL: `http://127.0.0.1:${PORTS.lab}` };
const notebook = { appPath: "", documentPath: "notebooks", baseURL: `http://127.0.0.1:${PORTS.notebook}` };
const NOT_IN_JUPYTER = ["marimo.spec.ts", "screenshots.spec.ts"];

export default defineConfig<AppOptions>({
  testDir: ".",
  outputDir: `test-results/${PORTS.lab}`,
  globalSetup: "./setup.ts",
  forbidOnly: Boolean(process.env.CI),
  fullyParallel: true,
  workers: 2,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [["list"], ["html", { open: "never" }]],
  use: {
    viewport: { width: 1400, height: 1000 },
    launchOptions: { executablePath: process.env.CHROMIUM_PATH ?? "", args: CHROMIUM_ARGS },
    // Without pictures of the page for every step, which take as long as the tests; that of a failure tells enough.
    trace: { mode: "retain-on-failure", screenshots: false, snapshots: false },
    screenshot: "only-on-failure",
  },
  projects: [
    { name: "jupyterlab", testIgnore: NOT_IN_JUPYTER, use: lab },
    // Notebook 7 is made of JupyterLab's parts: what could differ all the same is tested there too.
    { name: "notebook", testIgnore: NOT_IN_JUPYTER, grep: /explorer\.spec|@notebook/, use: notebook },
    { name: "marimo", testMatch: "marimo.spec.ts", use: { baseURL: `http://127.0.0.1:${PORTS.marimo}` } },
    { name: "screenshots", testMatch: "screenshots.spec.ts", use: lab },
  ],
  webServer: [server("lab"), server("notebook"), marimoServer],
});

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import { DATA, RUNTIME, VENV_BIN, WORK } from "./environment";

/** Runs once before the tests: draws the images that they look at. What it returns runs once after them. */
export default function setup(): () => void {
  if (!process.env.CHROMIUM_PATH) {
    throw new Error('Set CHROMIUM_PATH, for instance to "$(python ../../scripts/find_chromium.py)".');
  }
  execFileSync(path.join(VENV_BIN, "python"), [path.join(__dirname, "make_data.py"), DATA], {
    stdio: "inherit",
  });
  return () => {
    for (const folder of [WORK, RUNTIME]) {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

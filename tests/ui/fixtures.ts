import { expect, test as galata } from "@jupyterlab/galata";
import { Notebook } from "./notebook";

export { expect };

/** Where an application shows a document: `<appPath>/<documentPath>/<path of the file>`. */
export interface AppOptions {
  appPath: string;
  documentPath: string;
}

interface Fixtures extends AppOptions {
  /** An empty notebook with a running kernel, in a folder of its own; our code may leave no error uncaught. */
  notebook: Notebook;
}

/** Galata's test, opened on an empty notebook in JupyterLab or in Notebook 7, whichever the project names. */
export const test = galata.extend<Fixtures>({
  documentPath: ["tree", { option: true }],
  autoGoto: false,
  // Where Galata tracks kernels it breaks restarts; that it tracks and ends the sessions is enough.
  kernels: null,
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads from here which fixtures are needed
  waitForApplication: async ({}, use) => {
    await use(async (page) => {
      await page.locator("#jupyterlab-splash").waitFor({ state: "detached" });
      await page.locator(".jp-NotebookPanel-notebook").waitFor();
    });
  },
  notebook: async ({ page, documentPath, tmpPath }, use) => {
    const uncaught: Error[] = [];
    // anywidget loads modules from blobs; Jupyter's own errors, which Notebook 7 has with Galata, are not ours.
    page.on("pageerror", (error) => error.stack?.includes("blob:") && uncaught.push(error));
    await use(await Notebook.create(page, documentPath, `${tmpPath}/test.ipynb`));
    expect(uncaught).toEqual([]);
  },
});

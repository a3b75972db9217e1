import path from "node:path";
import { galata, type IJupyterLabPageFixture, test as onItsOwnPage } from "@jupyterlab/galata";
import { expect } from "@playwright/test";
import { WORK } from "./environment";
import { Notebook } from "./notebook";

export { expect };

/** Where an application shows a document: `<appPath>/<documentPath>/<path of the file>`. */
export interface AppOptions {
  appPath: string;
  documentPath: string;
}

interface Fixtures extends AppOptions {
  /** Whether a test has a page and a kernel of its own, rather than those that its worker keeps. */
  fresh: boolean;
  /** An empty notebook with a running kernel, in a folder of its own; our code may leave no error uncaught. */
  notebook: Notebook;
}

/** What a worker keeps from test to test, once a test has made it. */
interface Kept {
  page?: IJupyterLabPageFixture;
  notebook?: Notebook;
}

/**
 * Galata's test, opened on an empty notebook in JupyterLab or in Notebook 7, whichever the project names.
 *
 * To load JupyterLab and start a kernel takes longer than most tests, so these share a page and a notebook, emptied
 * between them, unless a test is about just that (`fresh`). After a failure Playwright takes a new worker.
 */
export const test = onItsOwnPage.extend<Fixtures, { kept: Kept }>({
  documentPath: ["tree", { option: true }],
  fresh: [false, { option: true }],
  autoGoto: false,
  // Galata would delete each file of a test by a request of its own; setup.ts deletes all of them at the end.
  serverFiles: "on",
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads from here which fixtures are needed
  waitForApplication: async ({}, use) => {
    await use(async (page) => {
      await page.locator("#jupyterlab-splash").waitFor({ state: "detached" });
      await page.locator(".jp-NotebookPanel-notebook").waitFor();
    });
  },
  kept: [
    // Named, so that this is taken down before the browser is.
    async ({ browser: _ }, use) => {
      const kept: Kept = {};
      await use(kept);
      await kept.notebook?.shutdown();
      await kept.page?.context().close();
    },
    { scope: "worker" },
  ],
  page: async ({ fresh, kept, browser, baseURL, appPath, viewport, waitForApplication }, use) => {
    // Not Galata's page, which each test would have to wait for, also where another is kept.
    const open = async () => {
      const context = await browser.newContext({ baseURL: String(baseURL), viewport });
      const [settings, tracked] = [galata.DEFAULT_SETTINGS, null];
      return await galata.initTestPage(
        ...([appPath, false, String(baseURL), true, settings, true, true, await context.newPage()] as const),
        ...([tracked, tracked, "", waitForApplication, tracked] as const),
      );
    };
    if (fresh) {
      const page = await open();
      await use(page);
      await page.context().close();
      return;
    }
    kept.page ??= await open();
    await kept.page.setViewportSize(viewport ?? { width: 1400, height: 1000 });
    await use(kept.page);
  },
  notebook: async ({ page, fresh, kept, documentPath, tmpPath }, use, { workerIndex }) => {
    const uncaught: Error[] = [];
    // anywidget loads modules from blobs; Jupyter's own errors, which Notebook 7 has with Galata, are not ours.
    const listen = (error: Error) => error.stack?.includes("blob:") && uncaught.push(error);
    page.on("pageerror", listen);
    if (fresh) {
      const notebook = await Notebook.create(page, documentPath, `${tmpPath}/test.ipynb`);
      await use(notebook);
      await notebook.shutdown();
    } else {
      kept.notebook ??= await Notebook.create(page, documentPath, `worker-${workerIndex}.ipynb`);
      await kept.notebook.empty(path.join(WORK, tmpPath));
      await use(kept.notebook);
    }
    page.off("pageerror", listen);
    expect(uncaught).toEqual([]);
  },
});

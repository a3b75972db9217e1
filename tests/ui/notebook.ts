import type { IJupyterLabPageFixture } from "@jupyterlab/galata";
import type { NotebookPanel } from "@jupyterlab/notebook";
import type { Locator } from "@playwright/test";

const EMPTY = {
  cells: [],
  metadata: { kernelspec: { name: "python3", display_name: "Python 3", language: "python" } },
  nbformat: 4,
  nbformat_minor: 5,
};

/** What a cell printed, and where its output is on the page. */
export interface CellRun {
  text: string;
  output: Locator;
}

/**
 * The open notebook, in JupyterLab or in Notebook 7.
 *
 * Galata's own notebook helpers read JupyterLab's status bar and tabs, which Notebook 7 does not have. This
 * goes through the application's commands, which both have, and which resolve when the kernel is done.
 */
export class Notebook {
  private constructor(readonly page: IJupyterLabPageFixture) {}

  /** Write an empty notebook to `path` on the server, open it and wait for its kernel. */
  static async create(page: IJupyterLabPageFixture, documentPath: string, path: string): Promise<Notebook> {
    await page.contents.uploadContent(JSON.stringify(EMPTY), "text", path);
    // Galata gives the application 15 seconds to start; on a busy machine loading its scripts is not to count.
    await page.goto(`${documentPath}/${path}`, { waitUntil: "load" });
    const notebook = new Notebook(page);
    await notebook.kernelReady();
    return notebook;
  }

  /** Wait until the kernel answers. */
  async kernelReady(): Promise<void> {
    await this.page.evaluate(async () => {
      const panel = window.galata.app.shell.currentWidget as NotebookPanel;
      await panel.context.ready;
      await panel.sessionContext.ready;
      await panel.sessionContext.session?.kernel?.info;
    });
  }

  /** Restart the kernel, as the menu does after its question, and wait for the new one. */
  async restartKernel(): Promise<void> {
    await this.page.evaluate(async () => {
      const panel = window.galata.app.shell.currentWidget as NotebookPanel;
      await panel.sessionContext.session?.kernel?.restart();
    });
    await this.kernelReady();
  }

  /** Take away all cells, widgets, variables and other documents, and go on in another folder. */
  async empty(folder: string): Promise<void> {
    await this.page.evaluate(
      async ([folder]) => {
        const { shell } = window.galata.app;
        const panel = shell.currentWidget as NotebookPanel;
        const { cells } = panel.context.model.sharedModel;
        panel.context.model.sharedModel.deleteCellRange(0, cells.length);
        for (const other of [...shell.widgets("main")]) if (other !== panel) other.dispose();
        (shell as { expandLeft?: () => void }).expandLeft?.();
        const reply = await panel.sessionContext.session?.kernel?.requestExecute({
          code: [
            "import ipywidgets; ipywidgets.Widget.close_all()",
            "get_ipython().run_line_magic('reset', '-f')",
            `__import__("os").chdir(${JSON.stringify(folder)})`,
          ].join("\n"),
          silent: true,
        }).done;
        if (reply?.content.status !== "ok") throw new Error(`Not emptied: ${JSON.stringify(reply?.content)}`);
      },
      [folder],
    );
  }

  /** End the kernel. */
  async shutdown(): Promise<void> {
    await this.page.evaluate(async () => {
      await (window.galata.app.shell.currentWidget as NotebookPanel).sessionContext.shutdown();
    });
  }

  /**
   * Run `code` in a new cell at the end and wait until the kernel is done with it.
   *
   * @throws Error with the traceback when the cell raises.
   */
  async run(code: string): Promise<CellRun> {
    const { index, text, error } = await this.page.evaluate(async (source) => {
      const { app } = window.galata;
      const panel = app.shell.currentWidget as NotebookPanel;
      const model = panel.context.model.sharedModel;
      const index = model.cells.length;
      const cell = model.insertCell(index, { cell_type: "code", source });
      panel.content.activeCellIndex = index;
      panel.content.deselectAll();
      await app.commands.execute("notebook:run-cell");
      const outputs = cell.toJSON().outputs as {
        output_type: string;
        text?: string | string[];
        traceback?: string[];
      }[];
      const join = (lines: string | string[] | undefined) => [lines ?? []].flat().join("");
      return {
        index,
        text: outputs
          .filter((o) => o.output_type === "stream")
          .map((o) => join(o.text))
          .join(""),
        error: outputs.find((o) => o.output_type === "error")?.traceback?.join("\n"),
      };
    }, code);
    if (error !== undefined) {
      throw new Error(`the cell raised:\n${error}`);
    }
    const output = this.page.locator(".jp-Notebook-cell").nth(index).locator(".jp-Cell-outputArea");
    return { text, output };
  }

  /** The value of a Python expression, by way of JSON; without a cell, which would take longer to show than to run. */
  async value<T>(expression: string): Promise<T> {
    const text = await this.page.evaluate(async (code) => {
      const panel = window.galata.app.shell.currentWidget as NotebookPanel;
      const future = panel.sessionContext.session?.kernel?.requestExecute({ code, store_history: false });
      if (!future) throw new Error("There is no kernel.");
      let printed = "";
      future.onIOPub = ({ content }) => {
        if ("name" in content && content.name === "stdout" && "text" in content) printed += content.text;
      };
      const { content } = await future.done;
      if (content.status === "ok") return printed;
      throw new Error(content.status === "error" ? content.traceback.join("\n") : "The kernel gave up.");
    }, `import json; print(json.dumps(${expression}, default=str))`);
    return JSON.parse(text) as T;
  }
}

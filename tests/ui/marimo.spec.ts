import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { WORK } from "./environment";
import { ExplorerView, IMAGES, TRUTH } from "./explorer";

const NOTEBOOK = readFileSync(path.join(__dirname, "marimo_notebook.py"), "utf8");
const GALLERY = "sw.Gallery(project)";

/** Open a copy of the notebook, in a folder of its own, with the gallery made by `expression`; marimo runs it. */
async function show(page: Page, folder: string, expression: string): Promise<ExplorerView> {
  mkdirSync(path.join(WORK, folder));
  writeFileSync(path.join(WORK, folder, "notebook.py"), NOTEBOOK.replace(GALLERY, expression));
  await page.goto(`/?file=${folder}/notebook.py`);
  const view = new ExplorerView(page, page.locator("body"));
  await view.count.waitFor({ timeout: 60_000 }); // a fresh kernel has to import and to build first
  await expect(view.count).toHaveText(`${IMAGES} images`);
  await view.painted();
  return view;
}

for (const [folder, expression] of [
  ["marimo-plain", GALLERY],
  ["marimo-wrapped", `mo.ui.anywidget(${GALLERY})`],
] as const) {
  test(`marimo shows ${expression}`, async ({ page }) => {
    const view = await show(page, folder, expression);

    const [name = ""] = await view.names();
    await view.card(name).click();
    await expect(view.selected).toHaveText("1 selected");
    await page.getByRole("button", { name: "Read the selection" }).click();
    await expect(page.getByText(/^Selected: /)).toHaveText(`Selected: ${name}`);

    await view.root.getByLabel("Sort by").selectOption("Name");
    await expect.poll(async () => (await view.names())[0]).toBe("scene-00.jpg");
    await view.root.getByLabel("Sort order: ascending").click();
    await expect.poll(async () => (await view.names())[0]).toBe("scene-39.jpg");
    await expect(view.selected).toHaveText("1 selected");

    const [asked = ""] = TRUTH["scene-38.jpg"] ?? [];
    await view.card(asked).focus();
    await page.keyboard.press("s");
    await expect(view.count).toHaveText(`50 of ${IMAGES}`);
    await expect(view.root.getByText("scene-38.jpg", { exact: true })).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(view.count).toHaveText(`${IMAGES} images`);
    await expect.poll(async () => (await view.names())[0]).toBe("scene-39.jpg");
    await expect(view.root.locator(".toast")).toBeHidden();
  });
}

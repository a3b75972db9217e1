import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Page } from "@playwright/test";
import { DATA } from "./environment";
import { ExplorerView, IMAGES, TRUTH } from "./explorer";
import { expect, test } from "./fixtures";

const PHOTOS = path.join(DATA, "photos");

/** Drag a file from the desktop to the grid, as the browser itself would say; `drop` lets it go, `leave` goes on. */
async function dragOver(
  view: ExplorerView,
  file: string,
): Promise<{ drop(): Promise<unknown>; leave(): Promise<unknown> }> {
  const context = view.page.context();
  const [page] = context.pages(); // Galata's own is only like one
  const session = await context.newCDPSession(page as Page);
  await view.grid.scrollIntoViewIfNeeded();
  const box = await view.grid.boundingBox();
  if (!box) throw new Error("The grid is not shown.");
  const say = (type: "dragEnter" | "dragOver" | "drop", x: number, y: number) =>
    session.send("Input.dispatchDragEvent", {
      type,
      x,
      y,
      data: { items: [], files: [file], dragOperationsMask: 1 },
    });
  await say("dragEnter", box.x + 40, box.y + 40);
  await say("dragOver", box.x + 60, box.y + 60);
  await say("dragOver", box.x + 200, box.y + 90);
  return { drop: () => say("drop", box.x + 200, box.y + 90), leave: () => say("dragOver", 5, 5) };
}

/** Python: whether a scene and its copies are within a distance and no other is, and the names of as many nearest. */
function sceneAndCopies(scene: string, within: number): string {
  const n = 1 + (TRUTH[scene]?.length ?? 0);
  return [
    `(lambda d, paths: [bool(d[${n - 1}] < ${within} < d[${n}]), sorted(p.name for p in paths[:${n}])])`,
    "(explorer._session.query.distances, explorer.view)",
  ].join("");
}

test("an image dropped on the gallery or pasted into it is searched for", async ({ notebook, page }) => {
  const view = await ExplorerView.show(notebook);
  await view.painted(1);
  const overlay = view.root.getByText("Drop an image to find similar ones");
  const toast = view.root.locator(".toast");
  const expectFound = async (name: string, scene: string, within: number) => {
    await expect(view.root.getByText(`Similar to ${name}`)).toBeVisible();
    await expect(view.count).toHaveText(`50 of ${IMAGES}`);
    expect(await notebook.value("[explorer.query, explorer._session.query_label]")).toEqual([
      [], // none of the project's own
      `Similar to ${name}`,
    ]);
    expect(await notebook.value(sceneAndCopies(scene, within))).toEqual([
      true,
      [scene, ...(TRUTH[scene] ?? [])].sort(),
    ]);
  };

  await expect(overlay).toBeHidden();
  for (const end of ["leave", "drop"] as const) {
    const drag = await dragOver(view, path.join(PHOTOS, "scene-11.jpg"));
    await expect(overlay).toBeVisible();
    await drag[end]();
    await expect(overlay).toBeHidden();
  }
  await expectFound("scene-11.jpg", "scene-11.jpg", 1e-4);

  // Too large to send: the browser makes a smaller file of it.
  const large = test.info().outputPath("large.jpg");
  writeFileSync(large, Buffer.concat([readFileSync(path.join(PHOTOS, "scene-38.jpg")), Buffer.alloc(5e6)]));
  await (await dragOver(view, large)).drop();
  await expectFound("large.jpg", "scene-38.jpg", 0.01);
  await expect(toast).toBeHidden();

  await (await dragOver(view, path.join(DATA, "truth.json"))).drop();
  await expect(toast).toContainText("truth.json is no image that can be read.");
  await view.button("Dismiss").click();

  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const photo = readFileSync(path.join(PHOTOS, "scene-26.jpg")).toString("base64");
  await view.page.evaluate(async (base64) => {
    const bitmap = await createImageBitmap(await (await fetch(`data:image/jpeg;base64,${base64}`)).blob());
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    await navigator.clipboard.write([new ClipboardItem({ "image/png": await canvas.convertToBlob() })]);
  }, photo);
  await view.cards.first().focus();
  await view.page.keyboard.press("Control+V");
  await expectFound("image.png", "scene-26.jpg", 1e-4);
});

test("the paths of what is selected are copied", async ({ notebook, page }) => {
  const view = await ExplorerView.show(notebook);
  await view.painted(1);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const copied = () => view.page.evaluate(() => navigator.clipboard.readText());
  const selected = () => notebook.value<string[]>("[str(path.resolve()) for path in explorer.selected]");

  await view.page.evaluate(() => navigator.clipboard.writeText("nothing yet"));
  await view.cards.first().focus();
  await view.page.keyboard.press("Control+C");
  await expect(view.gallery.getByRole("button", { name: "Copy paths" })).toBeDisabled();
  await view.cards.nth(1).click();
  await view.cards.nth(4).click({ modifiers: ["Shift"] });
  await view.cards.nth(0).click({ modifiers: ["Control"] });
  await expect(view.selected).toHaveText("5 selected");
  expect(await copied()).toBe("nothing yet");
  await view.page.keyboard.press("Control+C");
  await expect(view.gallery.getByText("Copied 5 paths.")).toBeVisible();
  expect((await copied()).split("\n")).toEqual(await selected());

  // Where the page may not write to the clipboard, a field and the old command do.
  await view.page.evaluate(() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException("denied", "NotAllowedError"));
  });
  await view.gallery.getByRole("button", { name: "Clear", exact: true }).click();
  await view.cards.nth(2).click();
  await view.gallery.getByRole("button", { name: "Copy paths" }).click();
  await expect(view.gallery.getByText("Copied 1 path.")).toBeVisible();
  expect([await copied()]).toEqual(await selected());
});

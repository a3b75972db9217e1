import path from "node:path";
import { DATA } from "./environment";
import { COPIES, IMAGES, TRUTH } from "./explorer";
import { expect, test } from "./fixtures";
import { Workspace } from "./workspace";

/** Python: names of what is in view, or of what was asked for. */
const names = (of: "view" | "query") => `[path.name for path in explorer.${of} or []]`;

test("to an image file, nearer, and back and forward", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  const chooser = view.page.waitForEvent("filechooser");
  await view.root.getByTitle("Find the images similar to an image file").click();
  await (await chooser).setFiles(path.join(DATA, "photos", "scene-11.jpg"));
  await expect(view.root.getByText("Similar to scene-11.jpg")).toBeVisible();
  await expect
    .poll(() => notebook.value("bool(explorer._session.query.distances[:6].max() < 1e-4)"))
    .toBe(true);
  const radius = view.root.getByLabel("within");
  await radius.fill("0.01");
  await radius.press("Enter");
  await expect(view.count).toHaveText(`6 of ${IMAGES}`);
  await view.root.getByTitle("Back to what was shown before").click();
  await expect(view.count).toHaveText(`50 of ${IMAGES}`);
  await view.root.getByTitle("Back to what was shown before").click();
  await expect(view.count).toHaveText(`${IMAGES} images`);
  await view.root.getByTitle("Forward again").click();
  await expect(view.count).toHaveText(`50 of ${IMAGES}`);
});

test("to a previewed image, to several selected ones, and among those that pass the filters", async ({
  notebook,
}) => {
  const view = await Workspace.open(notebook);
  const [copy = "", ...others] = TRUTH["scene-26.jpg"] ?? [];
  await view.card(copy).dblclick();
  await expect(view.root.locator(".preview-bar")).toBeVisible();
  await view.gallery.getByRole("button", { name: "Similar items", exact: true }).click();
  await expect(view.root.getByText(`Similar to ${copy}`)).toBeVisible();
  await expect(view.root.locator(".preview-bar")).toBeHidden();
  expect(await notebook.value(names("query"))).toEqual([copy]);
  expect((await notebook.value<string[]>(names("view"))).slice(0, 3).sort()).toEqual(
    ["scene-26.jpg", ...others].sort(),
  );
  // The distance is on each card.
  const distances = await notebook.value<number[]>(
    "[round(float(d), 4) for d in explorer._session.query.distances[:3]]",
  );
  for (const [place, name] of (await notebook.value<string[]>(names("view"))).slice(0, 3).entries()) {
    await expect(view.card(name).locator(".value")).toHaveText((distances[place] ?? 0).toFixed(4));
  }

  const atMost = view.root.getByLabel("At most");
  await atMost.fill("7");
  await atMost.press("Enter");
  await expect(view.count).toHaveText(`7 of ${IMAGES}`);
  expect(await notebook.value("len(explorer.view)")).toBe(7);
  await view.root.getByTitle("Back to what was shown before").click();
  await view.root.getByTitle("Back to what was shown before").click();
  await expect(view.count).toHaveText(`${IMAGES} images`);

  await view.button("Clear").click(); // a double click selects, too
  const asked = ["scene-03-copy-0.jpg", "scene-17-copy-0.jpg"];
  await expect(view.root.getByTitle("Find the images similar to any of those selected")).toBeDisabled();
  for (const name of asked) await view.card(name).getByRole("checkbox").click();
  await expect(view.selected).toHaveText("2 selected");
  await view.root.getByTitle("Find the images similar to any of those selected").click();
  await expect.poll(async () => (await notebook.value<string[]>(names("query"))).sort()).toEqual(asked);
  const nearest = await notebook.value<string[]>(names("view"));
  expect(nearest.slice(0, 2).sort()).toEqual(["scene-03.jpg", "scene-17.jpg"]);
  await view.root.getByTitle("Show the selected images alone").click();
  await expect(view.count).toHaveText(`2 of ${IMAGES}`);
  expect((await notebook.value<string[]>(names("view"))).sort()).toEqual(asked);
  await view.root.getByTitle("Back to what was shown before").click();

  // Cats only: half of them all.
  await notebook.run('explorer.filters = {"Label": "cat"}');
  await expect(view.count).toHaveText(`${IMAGES / 2} of ${IMAGES}`);
  await view.root.getByTitle("Find the images similar to any of those selected").click();
  await expect(view.count).toHaveText(`50 of ${IMAGES}`);
  await view.root.getByLabel("only what passes the filters").check();
  await expect.poll(() => notebook.value("explorer._session.query.filtered")).toBe(true);
  const labels = await notebook.value<string[]>(
    "[project.labels[project.paths.index(path)] for path in explorer.view]",
  );
  expect(new Set(labels)).toEqual(new Set(["cat"]));
  await expect(view.count).toHaveText(`${labels.length} of ${IMAGES}`);
});

/** Knows only colors, but those by name too: a vector is what is left of white in each channel. */
const COLORS = `
import numpy as np, simwidget as sw
from PIL import Image, ImageColor

class Colors:
    name, dim, near_duplicate_radius = "colors-1", 4, 0.001

    def embed_images(self, images):
        return self.unit([np.asarray(image).reshape(-1, 3).mean(axis=0) for image in images])

    def embed_text(self, texts):
        return self.unit([ImageColor.getrgb(text) for text in texts])

    def unit(self, colors):
        vectors = np.column_stack([np.array(colors, dtype="f4").reshape(-1, 3), np.full(len(colors), 30)])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("f4")

from pathlib import Path
Path("colors").mkdir()
for color in ("red", "darkred", "lime", "green", "blue", "navy", "yellow", "white"):
    Image.new("RGB", (64, 64), color).save(f"colors/{color}.png")
project = sw.Project.from_folder("colors", embedder=Colors(), progress=False)
explorer = sw.Explorer(project)
explorer
`;

test("to words, where the embedder knows text; and what went wrong is said", async ({ notebook }) => {
  const view = new Workspace(notebook.page as never, (await notebook.run(COLORS)).output);
  await expect(view.count).toHaveText("8 images");
  const words = view.root.getByPlaceholder("Find by words…");
  await words.fill("blue");
  await words.press("Enter");
  await expect(view.root.locator(".chip-label").first()).toContainText("blue");
  await expect
    .poll(async () => (await notebook.value<string[]>(names("view"))).slice(0, 2))
    .toEqual(["blue.png", "navy.png"]);
  await words.fill("octarine");
  await words.press("Enter");
  await expect(view.root.getByText(/octarine.*unknown color|unknown color.*octarine/i)).toBeVisible();
  expect((await notebook.value<string[]>(names("view")))[0]).toBe("blue.png");
  await view.root.getByTitle("Back to what was shown before").click();
  await expect(view.count).toHaveText("8 images");
});

test("an embedder that knows no words is not asked for them", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await expect(view.root.getByPlaceholder("Find by words…")).toBeHidden();
  expect(COPIES.length).toBe(await notebook.value("int((project.uniqueness <= 0.0001).sum())"));
});

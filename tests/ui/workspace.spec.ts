import path from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import type { Locator } from "@playwright/test";
import { DATA } from "./environment";
import { COPIES, ExplorerView, IMAGES } from "./explorer";
import { expect, test } from "./fixtures";
import type { Notebook } from "./notebook";

/** The photos, copied into the folder of the notebook, so that they can be deleted; half of them are labelled cat. */
const BUILD = [
  "import shutil, simwidget as sw",
  'shutil.copytree("../data/photos", "photos", copy_function=shutil.copy2)',
  'paths = sorted(__import__("pathlib").Path("photos").iterdir())',
  'labels = {path: "cat" if number % 2 else "dog" for number, path in enumerate(paths)}',
  'project = sw.Project.from_folder("photos", labels=labels, embedder="perceptual", progress=False)',
  "explorer = sw.Explorer(project)",
  "explorer",
].join("\n");

class Workspace extends ExplorerView {
  static async open(notebook: Notebook): Promise<Workspace> {
    const { output } = await notebook.run(BUILD);
    const view = new Workspace(notebook.page as never, output);
    await view.count.waitFor();
    return view;
  }

  async tab(name: string): Promise<void> {
    await this.root.getByRole("tab", { name, exact: true }).click();
  }

  /** A line of the overview, by how its name begins. */
  card_of(name: string): Locator {
    return this.root.locator(".simwidget-overview").getByRole("button", { name: new RegExp(`^${name}`) });
  }

  async addFilter(name: string): Promise<void> {
    await this.tab("Filter");
    await this.root
      .locator("select", { has: this.page.locator("option", { hasText: "Add filter" }) })
      .selectOption(name);
  }
}

test("the overview counts, and each count is a filter", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await expect(view.card_of("Images")).toContainText(String(IMAGES));
  await view.card_of("Duplicates").click();
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  expect(await notebook.value("explorer.filters")).toEqual({ Uniqueness: [0, 0.0001] });
  await view.card_of("Groups").click();
  await expect(view.count).toHaveText(/ in \d+ groups/);
  expect(await notebook.value("explorer.mode")).toBe("groups");
  await view.card_of("Near-duplicates").click();
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  expect(await notebook.value("explorer.mode")).toBe("grid");
  await notebook.run('project.tag(explorer.view[:1], "seen")');
  await view.card_of("Untagged").click();
  await expect(view.count).toHaveText(`${IMAGES - 1} of ${IMAGES}`);
  await view.card_of("Images").click();
  await expect(view.count).toHaveText(`${IMAGES} images`);
});

test("filters combine, are switched off, removed, saved and loaded", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await view.addFilter("Label");
  await view.root.locator("select[multiple]").selectOption(`cat (${IMAGES / 2})`);
  await expect(view.count).toHaveText(`${IMAGES / 2} of ${IMAGES}`);
  await view.addFilter("File name");
  await view.root.getByPlaceholder("Part of a name, or *.png").fill("scene-0");
  await view.page.keyboard.press("Enter");
  await expect
    .poll(() => notebook.value("explorer.filters"))
    .toEqual({ Label: ["cat"], "File name": "scene-0" });
  const both = await notebook.value<number>("len(explorer.view)");
  await expect(view.count).toHaveText(`${both} of ${IMAGES}`);
  await view.root.getByPlaceholder("Name for these filters").fill("young cats");
  await view.root.getByRole("button", { name: "Save", exact: true }).click();
  expect(await notebook.value("list(project.saved_filters)")).toEqual(["young cats"]);
  // The switch of the last card, and the way out of the one before.
  await view.root.locator(".widget-tab-contents").getByRole("checkbox").last().uncheck();
  await expect(view.count).toHaveText(`${IMAGES / 2} of ${IMAGES}`);
  expect(await notebook.value("sorted(explorer.filters_off)")).toEqual(["File name"]);
  await view.button("Remove all filters").click();
  await expect(view.count).toHaveText(`${IMAGES} images`);
  await view.root
    .locator("select", { has: view.page.locator("option", { hasText: "Saved filters" }) })
    .selectOption("young cats");
  await expect(view.count).toHaveText(`${both} of ${IMAGES}`);
});

test("brush, boxes and Python stay in step, and the other histograms show what is left", async ({
  notebook,
}) => {
  const view = await Workspace.open(notebook);
  await view.brushToTheLeft(0);
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  const high = view.root.getByRole("spinbutton").nth(1);
  await expect(high).toHaveValue("0.0001");
  await high.fill("0.25");
  await high.press("Enter");
  await expect.poll(() => notebook.value("explorer.filters")).toEqual({ Uniqueness: [0, 0.25] });
  await notebook.run('explorer.filters = {"Brightness": (0.0, 0.45)}');
  await view.tab("Filter");
  await expect(view.root.getByText("Brightness 0 to 0.45").first()).toBeVisible();
  const left = await notebook.value<number>("len(explorer.view)");
  expect(await notebook.value("int(explorer.histogram._view.y.sum())")).toBe(left);
  await expect(view.root.getByText(`${left} of ${IMAGES} images`).first()).toBeVisible();
  // Drawn while it was hidden, and yet as wide as its place.
  await expect
    .poll(async () => (await view.root.locator(".bqplot").nth(1).boundingBox())?.width)
    .toBeGreaterThan(200);
});

test("similar to an image file, nearer, and back and forward", async ({ notebook }) => {
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

test("sorted with the missing ones last, and counted", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await notebook.run(
    'import numpy as np\nvalues = np.arange(len(project), dtype="f4"); values[:3] = np.nan\nproject.metrics["Own"] = values',
  );
  await view.root.getByLabel("Sort by").selectOption("Own");
  await expect(view.root.getByText("3 without come last")).toBeVisible();
  expect(await notebook.value("explorer.sort")).toBe("Own");
  await view.root.getByLabel("Sort by").selectOption("Date");
  await expect(view.root.getByText("without come last")).toBeHidden();
});

for (const width of [600, 1000, 2000]) {
  test(`fits a window ${width} pixels wide, and folds its panels away`, async ({ notebook, page }) => {
    await page.setViewportSize({ width, height: 1000 });
    await page.sidebar.close("left");
    const view = await Workspace.open(notebook);
    await view.painted(1);
    const overflow = () =>
      view.root.evaluate((element) => {
        const { right } = element.getBoundingClientRect();
        return [...element.querySelectorAll<HTMLElement>("*")].filter(
          (inner) => inner.checkVisibility() && inner.getBoundingClientRect().right > right + 1,
        ).length;
      });
    expect(await overflow()).toBe(0);
    await view.root.getByTitle("Fold the panels away").click();
    await expect(view.root.getByRole("tab", { name: "Overview" })).toBeHidden();
    expect(await overflow()).toBe(0);
    const [all, gallery] = [await view.root.boundingBox(), await view.gallery.boundingBox()];
    expect(gallery?.width).toBeGreaterThan(0.85 * ((all?.width ?? 0) - 60));
  });
}

test("an output view of its own shows the same Explorer", async ({ notebook, page }) => {
  const view = await Workspace.open(notebook);
  const id = await page.evaluate(async () => {
    const { app } = window.galata;
    const { id } = app.shell.currentWidget ?? { id: "" };
    await app.commands.execute("notebook:create-output-view");
    return id;
  });
  const other = new Workspace(notebook.page as never, page.locator(".jp-LinkedOutputView"));
  await other.count.waitFor();
  await other.painted(2);
  await other.cards.nth(1).click();
  await expect(other.selected).toHaveText("1 selected");
  await expect(view.selected).toHaveText("1 selected");
  await other.card_of("Duplicates").click();
  for (const { count } of [view, other]) await expect(count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  await page.evaluate((notebook) => window.galata.app.shell.activateById(notebook), id);
  expect(await notebook.value("explorer.filters")).toEqual({ Uniqueness: [0, 0.0001] });
  expect(await notebook.value("len(explorer.selected)")).toBe(1);
});

test("axe finds no serious violation in the panels", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await view.addFilter("Brightness");
  await view.addFilter("Label");
  await notebook.run('project.tag(project.ids[:3], "seen")\nexplorer.selected = project.paths[:2]');
  for (const name of ["Overview", "Filter", "Tags"]) {
    await view.tab(name);
    const { violations } = await new AxeBuilder({ page: view.page })
      .include(".jp-OutputArea-output .widget-tab")
      .exclude(".noUi-handle") // ipywidgets gives the handles of a slider no name; the boxes below are labeled
      .disableRules("label-title-only") // a title, which is read out, is all that ipywidgets takes besides a label
      .analyze();
    const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    expect
      .soft(bad.map(({ id, nodes }) => `${name}, ${id}: ${nodes.map((node) => node.html).join("\n")}`))
      .toEqual([]);
  }
});

test("tags are made, put on many, renamed and undone", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await view.tab("Tags");
  const panel = view.root.locator(".widget-tab-contents");
  await expect(panel.getByText("Select images, or choose All in view")).toBeVisible();
  await view.cards.nth(0).click();
  await view.cards.nth(2).click({ modifiers: ["Shift"] });
  await expect(panel.getByText("3 selected")).toBeVisible();
  await panel.getByPlaceholder("New or known name").fill("blury");
  await panel.getByRole("button", { name: "Tag", exact: true }).click();
  await expect(panel.getByText("Tagged 3 images “blury”.")).toBeVisible();
  expect(await notebook.value("{tag: len(paths) for tag, paths in project.tags.items()}")).toEqual({
    blury: 3,
  });
  await panel.getByTitle("Rename, color or delete the tag blury").click();
  await panel.locator('input[title="New name"]').fill("blurry");
  await panel.getByRole("button", { name: "Rename", exact: true }).click();
  await expect.poll(() => notebook.value("list(project.tags)")).toEqual(["blurry"]);
  // All three have it: the mark takes it off, and Undo brings it back.
  await panel.getByTitle("3 of the 3 chosen have the tag blurry: take it off").click();
  await expect.poll(() => notebook.value("list(project.tags)")).toEqual([]);
  await panel.getByRole("button", { name: /Undo/ }).click();
  await expect.poll(() => notebook.value("list(explorer.tags)")).toEqual(["blurry"]);
  expect(await notebook.value("[action.undone for action in project.history]")).toEqual([false, false, true]);
  await panel.getByTitle("Show the images tagged blurry").click();
  await expect(view.count).toHaveText(`3 of ${IMAGES}`);
});

test("labels are changed with what the neighbors suggest at hand", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await view.tab("Tags");
  const panel = view.root.locator(".widget-tab-contents");
  await view.cards.nth(0).click();
  await panel.getByPlaceholder("Label…").fill("owl");
  await panel.getByRole("button", { name: "Relabel", exact: true }).click();
  await expect(panel.getByText("Labeled 1 image “owl”.")).toBeVisible();
  expect(await notebook.value('project.labels.count("owl")')).toBe(1);
  await expect(view.cards.nth(0).locator(".label")).toHaveText("owl");
  await panel.getByRole("button", { name: /Undo/ }).click();
  await expect.poll(() => notebook.value('project.labels.count("owl")')).toBe(0);
});

test("duplicates are tagged, deleted after a question, and come back", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await view.card_of("Duplicates").click();
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  await view.tab("Tags");
  const panel = view.root.locator(".widget-tab-contents");
  await panel.getByRole("button", { name: "Keep best, tag the rest" }).click();
  await expect
    .poll(() => notebook.value("sorted(path.name for path in project.tags['duplicate'])"))
    .toEqual(COPIES);
  await panel.getByRole("button", { name: /^All in view/ }).click();
  await panel.getByRole("button", { name: /Delete…/ }).click();
  const move = panel.getByRole("button", { name: "Move to trash" });
  await expect(panel.getByText(`${COPIES.length} images`).first()).toBeVisible();
  expect(await notebook.value("len(list(__import__('pathlib').Path('photos').glob('*.jpg')))")).toBe(IMAGES);
  await move.click();
  await expect(view.count).toHaveText(/^0 of|No image/);
  expect(await notebook.value("len(list(__import__('pathlib').Path('photos').glob('*.jpg')))")).toBe(
    IMAGES - COPIES.length,
  );
  expect(await notebook.value("len(project)")).toBe(IMAGES - COPIES.length);
  await panel.getByRole("button", { name: /Undo/ }).click();
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  expect(await notebook.value("len(list(__import__('pathlib').Path('photos').glob('*.jpg')))")).toBe(IMAGES);
  expect(await notebook.value("sorted(path.name for path in project.tags['duplicate'])")).toEqual(COPIES);
});

test("charts filter and select in the Explorer", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  const charts = (await notebook.run("analytics = sw.Analytics(project, explorer)\nanalytics")).output;
  const bars = charts.locator(".bqplot .bargroup .bar");
  await bars.first().click();
  await expect.poll(() => notebook.value("explorer.filters")).toEqual({ Uniqueness: [0, 0.0001] });
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  await notebook.run("explorer.clear()");
  await notebook.run('analytics.chart.value = "Classes"');
  await expect(charts.getByText("cat").first()).toBeVisible();
  await bars.first().click();
  await expect.poll(() => notebook.value("len(explorer.view)")).toBe(IMAGES / 2);
  await notebook.run('explorer.clear(); analytics.chart.value = "Map"');
  const plot = charts.locator(".bqplot .plotarea_events").first();
  await plot.scrollIntoViewIfNeeded();
  const place = await plot.boundingBox();
  if (!place) throw new Error("The map is not shown.");
  const { x, y, width, height } = place;
  const corners = [
    [0.01, 0.01],
    [0.99, 0.01],
    [0.99, 0.99],
    [0.01, 0.99],
    [0.01, 0.02],
  ] as const;
  await view.page.mouse.move(x + 0.01 * width, y + 0.01 * height);
  await view.page.mouse.down();
  for (const [across, down] of corners) {
    await view.page.mouse.move(x + across * width, y + down * height, { steps: 5 });
  }
  await view.page.mouse.up();
  await expect.poll(() => notebook.value<number>("len(explorer.selected)")).toBeGreaterThan(IMAGES / 2);
});

import { COPIES, IMAGES, kilobytes } from "./explorer";
import { expect, test } from "./fixtures";
import { IN_CATALOG, Workspace } from "./workspace";

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
  await view.button("Save").click();
  expect(await notebook.value("list(project.saved_filters)")).toEqual(["young cats"]);
  // The switch of the last card, and the way out of the one before.
  await view.panel.getByRole("checkbox").last().uncheck();
  await expect(view.count).toHaveText(`${IMAGES / 2} of ${IMAGES}`);
  expect(await notebook.value("sorted(explorer.filters_off)")).toEqual(["File name"]);
  await view.root.getByTitle("Remove the filter on Label").click();
  await expect(view.count).toHaveText(`${IMAGES} images`);
  expect(await notebook.value("explorer.filters")).toEqual({ "File name": "scene-0" });
  await view.button("Remove all filters").click();
  await expect.poll(() => notebook.value("explorer.filters")).toEqual({});
  await view.dropdown("Saved filters").selectOption("young cats");
  await expect(view.count).toHaveText(`${both} of ${IMAGES}`);
  expect(await notebook.value("explorer.filters")).toEqual({ Label: ["cat"], "File name": "scene-0" });
});

test("by split, by folder, and by tags: any, all, none, untagged", async ({ notebook }) => {
  const view = await Workspace.open(notebook, "catalog");
  const split = await view.addFilter("Split");
  await split.getByRole("listbox").selectOption("test (3)");
  await expect(view.count).toHaveText(`3 of ${IN_CATALOG}`);
  expect(await notebook.value("explorer.filters")).toEqual({ Split: ["test"] });
  const folder = await view.addFilter("Folder");
  await folder.getByRole("listbox").selectOption("even (25)");
  await expect
    .poll(() => notebook.value("sorted(path.name for path in explorer.view)"))
    .toEqual(["scene-00.jpg", "scene-26-copy-1.jpg"]);
  await view.button("Remove all filters").click();

  await notebook.run('project.tag(project.ids[:6], "a"); project.tag(project.ids[3:9], "b")');
  const tag = await view.addFilter("Tag");
  const names = tag.getByRole("listbox");
  const inView = async (count: number, filter: unknown) => {
    await expect(view.count).toHaveText(`${count} of ${IN_CATALOG}`);
    expect(await notebook.value("explorer.filters")).toEqual({ Tag: filter });
  };
  await names.selectOption("a (6)");
  await inView(6, { any: ["a"] });
  await names.selectOption(["a (6)", "b (6)"]);
  await inView(9, { any: ["a", "b"] });
  await names.selectOption([]);
  await expect(view.count).toHaveText(`${IN_CATALOG} images`);
  await tag.getByRole("button", { name: "all of" }).click();
  await names.selectOption(["a (6)", "b (6)"]);
  await inView(3, { all: ["a", "b"] });
  await names.selectOption([]);
  await tag.getByRole("button", { name: "none of" }).click();
  await names.selectOption("b (6)");
  await inView(IN_CATALOG - 6, { none: ["b"] });
  await tag.getByLabel("untagged only").check();
  await inView(IN_CATALOG - 9, null);
});

test("brush, slider, boxes and Python stay in step, and other histograms show what is left", async ({
  notebook,
}) => {
  const view = await Workspace.open(notebook);
  const [low, high] = [view.root.getByRole("spinbutton").nth(0), view.root.getByRole("spinbutton").nth(1)];
  const [left, right] = [view.root.getByRole("slider").nth(0), view.root.getByRole("slider").nth(1)];
  const brush = view.root.locator(".bqplot .brushintsel .selection").first();
  await view.brushToTheLeft(0);
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  await expect(high).toHaveValue("0.0001");
  // A hundredth of a bar: the first is that of the duplicates alone.
  await expect(right).toHaveAttribute("aria-valuenow", "100.0");
  await high.fill("0.25");
  await high.press("Enter");
  await expect.poll(() => notebook.value("explorer.filters")).toEqual({ Uniqueness: [0, 0.25] });
  await expect.poll(async () => Number(await right.getAttribute("aria-valuenow"))).toBeGreaterThan(100);
  const width = async () => (await brush.boundingBox())?.width ?? 0;
  const brushed = await width();

  const handle = await left.boundingBox();
  if (!handle) throw new Error("The slider is not shown.");
  await view.page.mouse.move(handle.x + handle.width / 2, handle.y + handle.height / 2);
  await view.page.mouse.down();
  await view.page.mouse.move(handle.x + handle.width / 2 + 40, handle.y + handle.height / 2, { steps: 4 });
  await view.page.mouse.up();
  await expect.poll(() => notebook.value('explorer.filters["Uniqueness"][0]')).toBeGreaterThan(0.0001);
  await expect.poll(width).toBeLessThan(brushed - 5);
  const from = await notebook.value<number>('explorer.filters["Uniqueness"][0]');
  expect(Number(await low.inputValue())).toBe(from);
  await expect
    .poll(() => notebook.value("len(explorer.view)"))
    .toBe(
      await notebook.value(`int(((project.uniqueness >= ${from}) & (project.uniqueness <= 0.25)).sum())`),
    );

  await notebook.run('explorer.filters = {"Brightness": (0.0, 0.45)}');
  await view.tab("Filter");
  await expect(view.root.getByText("Brightness 0 to 0.45").first()).toBeVisible();
  const passing = await notebook.value<number>("len(explorer.view)");
  expect(await notebook.value("int(explorer.histogram._view.y.sum())")).toBe(passing);
  await expect(view.root.getByText(`${passing} of ${IMAGES} images`).first()).toBeVisible();
  // Drawn while it was hidden, and yet as wide as its place.
  await expect
    .poll(async () => (await view.root.locator(".bqplot").nth(1).boundingBox())?.width)
    .toBeGreaterThan(200);
});

test("while brushing, images, groups and bytes are counted; on a log axis too", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  const readout = view.root.getByText(/of duplicates/).first();
  const bytes = await notebook.value<number>(
    "sum(path.stat().st_size for path in project.paths if '-copy-' in path.name)",
  );
  const said = `${COPIES.length} of ${IMAGES} images · 5 groups of duplicates · ${kilobytes(bytes)}`;
  for (const axis of ["linear", "log"]) {
    if (axis === "log") {
      await view.root.getByLabel("log axis").first().check();
      const edges = await notebook.value<number[]>("explorer.histogram.bins.edges.tolist()");
      // Still a bar of its own for the duplicates; of the others each edge is a multiple of the one before.
      expect(edges.slice(0, 2)).toEqual([0, 0.0001]);
      for (const [place, edge] of edges.slice(2, -1).entries()) {
        expect(edge / (edges[place + 1] ?? 1)).toBeGreaterThan(1.4);
      }
    }
    await view.dragToTheLeft(0);
    await expect(readout).toContainText(said);
    await expect(view.count).toHaveText(`${IMAGES} images`); // only once the mouse is let go
    await view.page.mouse.up();
    await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
    expect(await notebook.value("explorer.filters")).toEqual({ Uniqueness: [0, 0.0001] });
    await notebook.run("explorer.clear()");
    await expect(view.count).toHaveText(`${IMAGES} images`);
  }
  await view.root.getByLabel("log counts").first().check();
  const top = await notebook.value<number>("float(explorer.histogram._all.y.max())");
  expect(top).toBeLessThan(2);
});

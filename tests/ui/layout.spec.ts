import { AxeBuilder } from "@axe-core/playwright";
import { COPIES, IMAGES } from "./explorer";
import { expect, test } from "./fixtures";
import { Workspace } from "./workspace";

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

import path from "node:path";
import { ExplorerView } from "./explorer";
import { expect, test } from "./fixtures";

const IMAGES = path.resolve(__dirname, "../../docs/images");

/** One after the other, since the first draws the demo set, which takes a while. */
test.use({ viewport: { width: 1500, height: 1000 }, fresh: true });
test.describe.configure({ mode: "serial", timeout: 300_000 });

for (const [name, theme] of [
  ["light", "JupyterLab Light"],
  ["dark", "JupyterLab Dark"],
] as const) {
  test(`the picture of the README, ${name}`, async ({ notebook, page }) => {
    await page.theme.setTheme(theme);
    await page.sidebar.close("left");
    const view = await ExplorerView.in(
      notebook,
      await notebook.run(
        [
          "import simwidget as sw",
          "from simwidget import demo",
          'demo.draw("../demo", progress=False)',
          'project = sw.Project.from_folder("../demo", labels="folder", project_dir="project", embedder="perceptual", progress=False)',
          "explorer = sw.Explorer(project)",
          "explorer",
        ].join("\n"),
      ),
    );
    await view.brushToTheLeft(0);
    for (const card of [0, 2, 3]) await view.cards.nth(card).getByRole("checkbox").click();
    await expect(view.selected).toHaveText("3 selected");
    await view.root.getByPlaceholder("Tag").fill("duplicate");
    // Thumbnails of cards that are only near the view may still be on their way.
    const shown = view.cards.filter({ visible: true });
    for (let card = 0; card < 9; card++) {
      await expect(shown.nth(card).locator(".frame")).toHaveClass(/decoded/);
    }
    await page.mouse.move(0, 0);
    await view.root
      .locator(".jp-OutputArea-output")
      .screenshot({ path: path.join(IMAGES, `explorer-${name}.png`), animations: "disabled" });
    if (name !== "light") return;
    await page.setViewportSize({ width: 1500, height: 1400 });
    for (const tab of ["Overview", "Filter", "Tags"]) {
      await view.root.getByRole("tab", { name: tab, exact: true }).click();
      if (tab === "Filter") {
        await notebook.run('explorer.filters = {"Brightness": (0.2, 0.7), "File name": "*.jpg"}');
        await expect(view.root.locator(".bqplot .bargroup").nth(2)).toBeVisible();
      }
      if (tab === "Tags") await notebook.run('project.tag(explorer.selected, "duplicate")');
      await page.mouse.move(0, 0);
      const panels = view.root.locator(".widget-tab").locator("xpath=..");
      await panels.screenshot({
        path: path.join(IMAGES, `explorer-${tab.toLowerCase()}.png`),
        animations: "disabled",
      });
    }
    const charts = (await notebook.run("analytics = sw.Analytics(project, explorer)\nanalytics")).output;
    for (const chart of ["Distribution", "Classes", "Map"]) {
      await notebook.run(`analytics.chart.value = ${JSON.stringify(chart)}; analytics.settle()`);
      await expect(charts.locator(".bqplot").first()).toBeVisible();
      await page.mouse.move(0, 0);
      await charts
        .locator(".jp-OutputArea-output")
        .first()
        .screenshot({
          path: path.join(IMAGES, `analytics-${chart.toLowerCase()}.png`),
          animations: "disabled",
        });
    }
  });
}

import { readFile } from "node:fs/promises";
import type { Download } from "@playwright/test";
import { COPIES, IMAGES } from "./explorer";
import { expect, test } from "./fixtures";
import { Workspace } from "./workspace";

const BUILD = [
  "import simwidget as sw",
  'paths = sorted(__import__("pathlib").Path("../data/photos").iterdir())',
  'labels = {path: "cat" if number % 2 else "dog" for number, path in enumerate(paths)}',
  'split = {path: "test" if number % 5 == 0 else "train" for number, path in enumerate(paths)}',
  'project = sw.Project.from_folder("../data/photos", project_dir="project", labels=labels, split=split, embedder="perceptual", progress=False)',
  'project.tag(project.ids[:7], "seen")',
  'project.set_tag_color("seen", "#ff8800")',
  "analytics = sw.Analytics(project)",
  "analytics",
].join("\n");

test("each chart is drawn, the map is colored by tag, and charts are saved", async ({ notebook, page }) => {
  const { output } = await notebook.run(BUILD);
  const drawn: Record<string, string> = {
    Distribution: ".bar",
    Classes: ".bar",
    "Metric by label": ".boxplot, .box",
    Splits: ".lines, .line",
    "Two metrics": ".dot",
    Map: ".dot",
  };
  const saved = async (name: string): Promise<Download> => {
    const download = page.waitForEvent("download");
    await output.getByRole("button", { name }).click();
    return await download;
  };
  for (const [chart, mark] of Object.entries(drawn)) {
    await output.getByRole("button", { name: chart, exact: true }).click();
    await expect.poll(() => notebook.value("analytics.chart.value")).toBe(chart);
    await expect(output.locator(`.bqplot :is(${mark})`).first()).toBeAttached();
    await expect(output.locator(".bqplot")).toHaveCount(1);
    const picture = await saved("Save SVG");
    expect(picture.suggestedFilename()).toContain(chart.replaceAll(" ", "-"));
    expect((await readFile(await picture.path())).toString()).toContain("<svg");
  }
  await output.getByLabel("Color by").selectOption("Tag");
  await expect(output.getByText("● seen")).toBeVisible();
  const orange = () =>
    output
      .locator(".bqplot .dot")
      .evaluateAll((dots) => dots.filter((dot) => getComputedStyle(dot).fill === "rgb(255, 136, 0)").length);
  await expect.poll(orange).toBe(7);
  await notebook.run('project.tag(project.ids[7:9], "seen")');
  await expect.poll(orange).toBe(9);
  const png = await saved("Save PNG");
  expect(png.suggestedFilename()).toBe("photos-Map-pca-Tag.png");
  expect((await readFile(await png.path())).subarray(1, 4).toString()).toBe("PNG");
  const svg = await saved("Save SVG");
  expect(svg.suggestedFilename()).toBe("photos-Map-pca-Tag.svg");
  expect((await readFile(await svg.path())).toString()).toContain("<svg");
});

test("the distribution of any metric, Uniqueness first, with its quartiles and log counts", async ({
  notebook,
}) => {
  const { output } = await notebook.run(BUILD);
  const quartiles = (metric: string) =>
    notebook.value<string[]>(
      `[f"{value:.4g}" for value in __import__("numpy").percentile(project.metrics["${metric}"].astype(float), [25, 50, 75])]`,
    );
  for (const metric of ["Uniqueness", "Brightness"]) {
    if (metric !== "Uniqueness") await output.getByLabel("Metric").selectOption(metric);
    await expect.poll(() => notebook.value("analytics.metric.value")).toBe(metric);
    const [q1, median, q3] = await quartiles(metric);
    await expect(output.getByText(`Q1 ${q1} · median ${median} · Q3 ${q3}`)).toBeVisible();
  }
  const highest = () => notebook.value<number>("float(max(analytics.figure.marks[0].y))");
  const logarithmic = await highest();
  await output.getByLabel("log counts").uncheck();
  await expect.poll(highest).toBeCloseTo(10 ** logarithmic - 1, 6);
  expect(await notebook.value("analytics.log_counts.value")).toBe(false);
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
  // Once, a click 0.2 s after the chart was there had no effect, though the bar said what it is; not reproduced.
  await expect(async () => {
    await bars.first().click();
    await expect.poll(() => notebook.value("len(explorer.view)"), { timeout: 3000 }).toBe(IMAGES / 2);
  }).toPass();
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

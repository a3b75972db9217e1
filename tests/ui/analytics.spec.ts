import { readFile } from "node:fs/promises";
import type { Download } from "@playwright/test";
import { expect, test } from "./fixtures";

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
  for (const [chart, mark] of Object.entries(drawn)) {
    await output.getByRole("button", { name: chart, exact: true }).click();
    await expect.poll(() => notebook.value("analytics.chart.value")).toBe(chart);
    await expect(output.locator(`.bqplot :is(${mark})`).first()).toBeAttached();
    await expect(output.locator(".bqplot")).toHaveCount(1);
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
  const saved = async (name: string): Promise<Download> => {
    const download = page.waitForEvent("download");
    await output.getByRole("button", { name }).click();
    return await download;
  };
  const png = await saved("Save PNG");
  expect(png.suggestedFilename()).toBe("photos-Map-pca-Tag.png");
  expect((await readFile(await png.path())).subarray(1, 4).toString()).toBe("PNG");
  const svg = await saved("Save SVG");
  expect(svg.suggestedFilename()).toBe("photos-Map-pca-Tag.svg");
  expect((await readFile(await svg.path())).toString()).toContain("<svg");
});

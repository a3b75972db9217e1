import { COPIES, IMAGES, kilobytes, TRUTH } from "./explorer";
import { expect, test } from "./fixtures";
import { IN_CATALOG, Workspace } from "./workspace";

test("the overview counts, and each count is a filter", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await expect(view.card_of("Images")).toContainText(String(IMAGES));
  await view.card_of("Duplicates").click();
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  expect(await notebook.value("explorer.filters")).toEqual({ Uniqueness: [0, 0.0001] });
  await view.card_of("Groups").click();
  await expect(view.count).toHaveText(/ in \d+ groups/);
  expect(await notebook.value("explorer.mode")).toBe("groups");
  const freed = await notebook.value<number>(
    "sum(path.stat().st_size for group in project.duplicates(project.near_duplicate_radius) for path in group.duplicates)",
  );
  await expect(view.card_of("Groups")).toContainText(`${kilobytes(freed)} would be freed`);
  await view.card_of("Near-duplicates").click();
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  expect(await notebook.value("explorer.mode")).toBe("grid");
  await notebook.run('project.tag(explorer.view[:1], "seen")');
  await view.card_of("Untagged").click();
  await expect(view.count).toHaveText(`${IMAGES - 1} of ${IMAGES}`);
  await view.card_of("Images").click();
  await expect(view.count).toHaveText(`${IMAGES} images`);
});

test("edge cases, outliers, suspected labels, leaks and unreadable files are found", async ({ notebook }) => {
  const view = await Workspace.open(notebook, "catalog");
  const inView = () => notebook.value<string[]>("[path.name for path in explorer.view]");
  await expect(view.card_of("Images")).toContainText(String(IN_CATALOG));

  // Fences of Tukey, of all outliers and of the severe ones, computed here once more.
  await notebook.run(
    [
      "import numpy as np",
      "def beyond(name, fence, side):",
      "    values = project.metrics[name].astype(float)",
      "    q1, q3 = np.percentile(values, [25, 75])",
      "    out = values > q3 + fence * (q3 - q1) if side else values < q1 - fence * (q3 - q1)",
      "    return sorted(path.name for path, is_out in zip(project.paths, out) if is_out)",
    ].join("\n"),
  );
  for (const [card, metric, side, found] of [
    ["Low Brightness", "Brightness", 0, "black.jpg"],
    ["High Sharpness", "Sharpness", 1, "wide.jpg"],
  ] as const) {
    const all = await notebook.value<string[]>(`beyond(${JSON.stringify(metric)}, 1.5, ${side})`);
    const severe = await notebook.value<string[]>(`beyond(${JSON.stringify(metric)}, 2.5, ${side})`);
    expect(severe).toContain(found);
    await expect(view.card_of(card)).toContainText(`${severe.length} severe`);
    if (severe.length < all.length) {
      await view.card_of(`Very ${side ? "high" : "low"} ${metric}`).click();
      await expect(view.count).toHaveText(`${severe.length} of ${IN_CATALOG}`);
      expect((await inView()).sort()).toEqual(severe);
    }
    await view.card_of(card).click();
    await expect(view.count).toHaveText(`${all.length} of ${IN_CATALOG}`);
    expect((await inView()).sort()).toEqual(all);
    expect(await notebook.value("explorer.sort")).toBe(side ? `-${metric}` : metric);
  }

  const edges = await notebook.value<string[]>('beyond("Uniqueness", 2.5, 1)');
  if (edges.length) await view.card_of("Edge cases").click();
  else await expect(view.card_of("Edge cases")).toBeDisabled();
  if (edges.length) expect((await inView()).sort()).toEqual(edges);

  await view.card_of("Suspected labels").click();
  const suspected = await notebook.value<string[]>(
    "[p.name for p, other in zip(project.paths, project.suspected_labels) if other is not None]",
  );
  await expect(view.count).toHaveText(`${suspected.length} of ${IN_CATALOG}`);
  expect((await inView()).sort()).toEqual(suspected.sort());
  expect(suspected).toContain("scene-11-copy-0.jpg");
  expect(await notebook.value("explorer.filters")).toEqual({ "Suspected label": true });
  // What the neighbors suggest is on each card.
  const [first = "", label, suggested] = await notebook.value<string[]>(
    "(lambda row: [project.paths[row].name, project.labels[row], project.suspected_labels[row]])(project.paths.index(explorer.view[0]))",
  );
  await expect(view.card(first).locator(".label")).toHaveText(`${label} → ${suggested}?`);

  await view.card_of("Leaks between splits").click();
  const leaking = ["scene-26.jpg", ...(TRUTH["scene-26.jpg"] ?? [])].sort();
  await expect(view.count).toHaveText(`${leaking.length} of ${IN_CATALOG}`);
  expect((await inView()).sort()).toEqual(leaking);

  await view.card_of("Unreadable").click();
  const list = view.root.getByRole("region", { name: "Unreadable files" });
  await expect(list.getByRole("listitem")).toHaveCount(1);
  await expect(list).toContainText(/strange.broken\.jpg: .{10}/);
  const reason = await notebook.value<string>("project.failed[0].reason");
  await expect(list).toContainText(reason);
  await view.card_of("Unreadable").click();
  await expect(list).toBeHidden();
});

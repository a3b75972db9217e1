import { COPIES, TRUTH } from "./explorer";
import { expect, test } from "./fixtures";
import { Workspace } from "./workspace";

test("by name, date, size and any metric, up and down", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  const by = view.root.getByLabel("Sort by");
  const direction = view.root.getByRole("button", { name: /^Sort order/ });
  // A stable sort of all items by a key of Python; ties are in the order of Uniqueness, whichever the direction.
  const keys: Record<string, string> = {
    Name: "sorted(p.name for p in project.paths).index(path.name)",
    Date: "path.stat().st_mtime_ns",
    "File size": "path.stat().st_size",
    Brightness: "project.metrics['Brightness'][project.paths.index(path)]",
  };
  for (const [name, key] of Object.entries(keys)) {
    await by.selectOption(name);
    for (const descending of [false, true]) {
      if (descending) await direction.click();
      const wanted = descending ? `-${name}` : name;
      await expect.poll(() => notebook.value("explorer.sort")).toBe(wanted);
      const found = await notebook.value<[string, number][]>(
        `[[path.name, float(${key})] for path in explorer.view]`,
      );
      const values = found.map(([, value]) => value);
      expect(values).toEqual(values.toSorted((a, b) => (descending ? b - a : a - b)));
      const first = found.slice(0, 4).map(([file]) => file);
      await expect.poll(async () => (await view.names()).slice(0, 4)).toEqual(first);
    }
    await direction.click();
  }
});

test("ascending Uniqueness has the duplicates first, and beside their keepers if wished", async ({
  notebook,
}) => {
  const view = await Workspace.open(notebook);
  await view.root.getByLabel("Sort by").selectOption("Name");
  await view.root.getByLabel("Sort by").selectOption("Uniqueness");
  await expect.poll(async () => (await view.names()).slice(0, COPIES.length).sort()).toEqual(COPIES);
  // Those of one scene are side by side.
  const scenes = (await view.names()).slice(0, COPIES.length).map((name) => name.slice(0, "scene-00".length));
  expect(scenes.filter((scene, place) => scene !== scenes[place - 1])).toHaveLength(
    Object.keys(TRUTH).length,
  );

  await view.button("Groups").click();
  await expect(view.count).toHaveText(`${COPIES.length + 5} images in 5 groups`);
  expect(await notebook.value("[explorer.mode, explorer.sort]")).toEqual(["groups", "Uniqueness"]);
  const shown = await notebook.value<string[]>("[path.name for path in explorer.view]");
  for (const [keeper, copies] of Object.entries(TRUTH)) {
    const at = shown.indexOf(keeper);
    expect(shown.slice(at + 1, at + 1 + copies.length).sort()).toEqual(copies.toSorted());
  }
  await view.button("Grid").click();
  await expect.poll(() => notebook.value("explorer.mode")).toBe("grid");
});

test("the missing ones last, and counted", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await notebook.run(
    'import numpy as np\nvalues = np.arange(len(project), dtype="f4"); values[:3] = np.nan\nproject.metrics["Own"] = values',
  );
  const last = () =>
    notebook.value<number[]>("sorted(project.paths.index(path) for path in explorer.view[-3:])");
  await view.root.getByLabel("Sort by").selectOption("Own");
  await expect(view.root.getByText("3 without come last")).toBeVisible();
  expect(await notebook.value("explorer.sort")).toBe("Own");
  expect(await last()).toEqual([0, 1, 2]);
  await view.root.getByRole("button", { name: /^Sort order/ }).click();
  await expect.poll(() => notebook.value("explorer.sort")).toBe("-Own");
  expect(await last()).toEqual([0, 1, 2]);
  await view.root.getByLabel("Sort by").selectOption("Date");
  await expect(view.root.getByText("without come last")).toBeHidden();
});

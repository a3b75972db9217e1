import { COPIES, IMAGES, kilobytes, TRUTH } from "./explorer";
import { expect, test } from "./fixtures";
import { IN_CATALOG, Workspace } from "./workspace";

/** How many image files are where the project looks for them. */
const FILES = "len(list(__import__('pathlib').Path('photos').glob('*.jpg')))";

test("duplicates are tagged, deleted after a question, and come back", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await view.card_of("Duplicates").click();
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  await view.tab("Tags");
  const panel = view.panel;
  await panel.getByRole("button", { name: "Keep best, tag the rest" }).click();
  await expect
    .poll(() => notebook.value("sorted(path.name for path in project.tags.get('duplicate', []))"))
    .toEqual(COPIES);
  await panel.getByRole("button", { name: /^All in view/ }).click();
  const bytes = await notebook.value<number>("sum(path.stat().st_size for path in explorer.view)");
  await panel.getByRole("button", { name: /Delete…/ }).click();
  const move = panel.getByRole("button", { name: "Move to trash" });
  await expect(
    panel.getByText(`${COPIES.length} images (${kilobytes(bytes)}) would move to the trash`),
  ).toBeVisible();
  const listed = panel.getByRole("list", { name: "Images to delete" }).getByRole("listitem");
  expect((await listed.allTextContents()).sort()).toEqual(COPIES);
  expect(await notebook.value(FILES)).toBe(IMAGES);
  await panel.getByRole("button", { name: "Cancel" }).click();
  await expect(move).toBeHidden();
  expect(await notebook.value(FILES)).toBe(IMAGES);

  await panel.getByRole("button", { name: /Delete…/ }).click();
  await move.click();
  await expect(view.count).toHaveText(/^0 of|No image/);
  expect(await notebook.value(FILES)).toBe(IMAGES - COPIES.length);
  expect(await notebook.value("len(project)")).toBe(IMAGES - COPIES.length);
  await panel.getByRole("button", { name: /Undo/ }).click();
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  expect(await notebook.value(FILES)).toBe(IMAGES);
  expect(await notebook.value("sorted(path.name for path in project.tags['duplicate'])")).toEqual(COPIES);

  await panel.getByRole("button", { name: /Redo/ }).click();
  await expect.poll(() => notebook.value(FILES)).toBe(IMAGES - COPIES.length);
  await notebook.run("project.restore()");
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  expect(await notebook.value(FILES)).toBe(IMAGES);
});

test("the last of a group goes only after a second yes, and a changed file stays", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await view.tab("Tags");
  const panel = view.panel;
  const pair = ["scene-03.jpg", ...(TRUTH["scene-03.jpg"] ?? [])];
  await notebook.run(
    [
      "from pathlib import Path",
      'changed = Path("photos/scene-00.jpg")',
      'changed.write_bytes(changed.read_bytes() + b"more")',
      `explorer.selected = [Path("photos") / name for name in ${JSON.stringify([...pair, "scene-00.jpg"])}]`,
    ].join("\n"),
  );
  await expect(panel.getByText("3 selected")).toBeVisible();
  await panel.getByRole("button", { name: /Delete…/ }).click();
  const move = panel.getByRole("button", { name: "Move to trash" });
  await expect(panel.getByText("1 file would stay:")).toBeVisible();
  await expect(panel.getByRole("list", { name: "Files that stay" })).toContainText(/scene-00\.jpg: .*chang/);
  await expect(panel.getByRole("list", { name: "Whole groups" })).toContainText("scene-03.jpg");
  await expect(move).toBeDisabled();
  await panel.getByLabel(/also delete whole groups/).check();
  await move.click();
  await expect(panel.getByText(/Moved 2 images .* 1 file stayed in place/)).toBeVisible();
  expect(
    await notebook.value(`[(Path("photos") / name).exists() for name in ${JSON.stringify(pair)}]`),
  ).toEqual([false, false]);
  expect(await notebook.value("changed.exists()")).toBe(true);
  await panel.getByRole("button", { name: /Undo/ }).click();
  await expect.poll(() => notebook.value(FILES)).toBe(IMAGES);
});

test("labels are changed, with what the neighbors vote for at hand", async ({ notebook }) => {
  const view = await Workspace.open(notebook, "catalog");
  await view.tab("Tags");
  const panel = view.panel;
  await notebook.run('explorer.selected = [p for p in project.paths if p.name == "scene-11-copy-0.jpg"]');
  const label = 'project.labels[[p.name for p in project.paths].index("scene-11-copy-0.jpg")]';
  expect(await notebook.value(label)).toBe("even");
  await panel.getByRole("button", { name: "Suggested: odd" }).click();
  await expect(panel.getByPlaceholder("Label…")).toHaveValue("odd");
  await panel.getByRole("button", { name: "Relabel", exact: true }).click();
  await expect(panel.getByText("Labeled 1 image “odd”.")).toBeVisible();
  expect(await notebook.value(label)).toBe("odd");
  await expect(view.card("scene-11-copy-0.jpg").locator(".label")).toHaveText("odd");
  await expect(panel.getByRole("button", { name: /Suggested/ })).toBeHidden();
  await panel.getByRole("button", { name: /Undo/ }).click();
  await expect.poll(() => notebook.value(label)).toBe("even");
  await panel.getByRole("button", { name: /Redo/ }).click();
  await expect.poll(() => notebook.value(label)).toBe("odd");
  expect(await notebook.value("[action.kind for action in project.history]")).toEqual(["relabel"]);
  expect(await notebook.value("len(project)")).toBe(IN_CATALOG);
});

test("what are no duplicates is remembered, and left out of later groups", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  const pair = ["scene-17.jpg", ...(TRUTH["scene-17.jpg"] ?? [])].sort();
  await view.card_of("Groups").click();
  await expect(view.count).toHaveText(`${COPIES.length + 5} images in 5 groups`);
  await view.tab("Tags");
  for (const name of pair) await view.card(name).getByRole("checkbox").click();
  await view.panel.getByRole("button", { name: "Not duplicates" }).click();
  await expect(view.panel.getByText("Remembered 1 pair of images as different.")).toBeVisible();
  await expect(view.count).toHaveText(`${COPIES.length + 3} images in 4 groups`);
  const groups = "sum(len(group.duplicates) for group in project.duplicates())";
  expect(await notebook.value(groups)).toBe(COPIES.length - 1);
  await view.panel.getByRole("button", { name: /Undo/ }).click();
  await expect(view.count).toHaveText(`${COPIES.length + 5} images in 5 groups`);
  expect(await notebook.value(groups)).toBe(COPIES.length);
});

test("a part of the project is exported, and becomes a project of its own", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await view.card_of("Duplicates").click();
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  await view.tab("Tags");
  const panel = view.panel;
  await panel.getByRole("button", { name: /^All in view/ }).click();
  for (const file of ["copies.csv", "copies.json"]) {
    await panel.getByTitle("File to write, .csv or .json").fill(file);
    await panel.getByRole("button", { name: "Export", exact: true }).click();
    await expect(panel.getByText(new RegExp(`Wrote ${COPIES.length} images to .*${file}`))).toBeVisible();
  }
  expect(
    await notebook.value('sorted(row["path"].split("/")[-1] for row in json.load(open("copies.json")))'),
  ).toEqual(COPIES);
  expect(await notebook.value('len(__import__("pandas").read_csv("copies.csv"))')).toBe(COPIES.length);
  // What is there is not written over.
  await panel.getByRole("button", { name: "Export", exact: true }).click();
  await expect(panel.getByText("There is a file 'copies.json' already.")).toBeVisible();

  await panel.getByPlaceholder("Folder of a new project").fill("only-copies");
  await panel.getByRole("button", { name: "New project" }).click();
  await expect(panel.getByText(`Made a project of ${COPIES.length} images`)).toBeVisible();
  await notebook.run('part = sw.Project.open("only-copies")');
  expect(await notebook.value("sorted(path.name for path in part.paths)")).toEqual(COPIES);
  expect(await notebook.value("[len(project), len(part.duplicates())]")).toEqual([IMAGES, 3]);
});

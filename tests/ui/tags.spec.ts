import { IMAGES } from "./explorer";
import { expect, test } from "./fixtures";
import { Workspace } from "./workspace";

const COUNTS = "{tag: len(paths) for tag, paths in project.tags.items()}";

test("tags are made, put on many, renamed and undone", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await view.tab("Tags");
  const panel = view.panel;
  await expect(panel.getByText("Select images, or choose All in view")).toBeVisible();
  await view.cards.nth(0).click();
  await view.cards.nth(2).click({ modifiers: ["Shift"] });
  await expect(panel.getByText("3 selected")).toBeVisible();
  await panel.getByPlaceholder("New or known name").fill("blury");
  await panel.getByRole("button", { name: "Tag", exact: true }).click();
  await expect(panel.getByText("Tagged 3 images “blury”.")).toBeVisible();
  expect(await notebook.value(COUNTS)).toEqual({ blury: 3 });
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

test("tags are colored, merged and deleted, and every step is undone and done again", async ({
  notebook,
}) => {
  const view = await Workspace.open(notebook);
  await notebook.run('project.tag(project.ids[:4], "cat"); project.tag(project.ids[2:7], "cats")');
  await view.tab("Tags");
  const panel = view.panel;
  const undo = panel.getByRole("button", { name: /Undo/ });
  const redo = panel.getByRole("button", { name: /Redo/ });

  await panel.getByTitle("Rename, color or delete the tag cats").click();
  await panel.locator('input[type="color"]').fill("#ff8800");
  await expect.poll(() => notebook.value("project.tag_colors")).toEqual({ cats: "#ff8800" });
  const swatch = panel.locator(".widget-hbox", { has: view.page.getByTitle("Show the images tagged cats") });
  await expect(swatch.locator("span").first()).toHaveCSS("background-color", "rgb(255, 136, 0)");

  await panel.locator('input[title="New name"]').fill("cat");
  await expect(panel.getByText("There is a tag “cat” with 4 images: the two become one.")).toBeVisible();
  await panel.getByRole("button", { name: "Merge", exact: true }).click();
  await expect.poll(() => notebook.value(COUNTS)).toEqual({ cat: 7 });
  await undo.click();
  await expect.poll(() => notebook.value(COUNTS)).toEqual({ cat: 4, cats: 5 });
  await redo.click();
  await expect.poll(() => notebook.value(COUNTS)).toEqual({ cat: 7 });
  await undo.click();
  await expect.poll(() => notebook.value(COUNTS)).toEqual({ cat: 4, cats: 5 });

  // To delete a tag is asked for twice.
  const edit = panel.getByTitle("Rename, color or delete the tag cats");
  await edit.click();
  await panel.getByRole("button", { name: "Delete tag" }).click();
  expect(await notebook.value(COUNTS)).toEqual({ cat: 4, cats: 5 });
  await panel.getByRole("button", { name: "Yes, take it off 5 images" }).click();
  await expect.poll(() => notebook.value(COUNTS)).toEqual({ cat: 4 });
  await undo.click();
  await expect.poll(() => notebook.value(COUNTS)).toEqual({ cat: 4, cats: 5 });
  expect(await notebook.value("[path.name for path in project.tags['cats']]")).toEqual(
    await notebook.value("[path.name for path in project.paths[2:7]]"),
  );
});

test("by keyboard on one card, in bulk with three states, and on all in view", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await view.painted(4);
  const tagOf = (place: number) =>
    notebook.value<string[]>(
      `[tag for tag, paths in project.tags.items() if explorer.view[${place}] in paths]`,
    );
  // T tags what has the focus where nothing is selected.
  await view.cards.nth(1).focus();
  await view.page.keyboard.press("t");
  await expect(view.root.getByPlaceholder("Tag")).toBeFocused();
  await view.page.keyboard.type("odd");
  await view.page.keyboard.press("Enter");
  await expect.poll(() => tagOf(1)).toEqual(["odd"]);
  expect(await notebook.value(COUNTS)).toEqual({ odd: 1 });
  await expect(view.cards.nth(1).getByText("odd")).toBeVisible();

  // One of three has it: the mark puts it on all, then takes it off all.
  await view.tab("Tags");
  await notebook.run("explorer.selected = explorer.view[:3]");
  await view.panel.getByTitle("1 of the 3 chosen have the tag odd: put it on all").click();
  await expect.poll(() => notebook.value(COUNTS)).toEqual({ odd: 3 });
  await view.panel.getByTitle("3 of the 3 chosen have the tag odd: take it off").click();
  await expect.poll(() => notebook.value(COUNTS)).toEqual({});

  await view.panel.getByRole("button", { name: /^All in view/ }).click();
  await view.panel.getByPlaceholder("New or known name").fill("all");
  await view.page.keyboard.press("Enter");
  await expect.poll(() => notebook.value(COUNTS)).toEqual({ all: IMAGES });
  await view.panel.getByPlaceholder("New or known name").fill("all");
  await view.panel.getByRole("button", { name: "Untag", exact: true }).click();
  await expect.poll(() => notebook.value(COUNTS)).toEqual({});
  expect(await notebook.value("len(project.history)")).toBe(5);
});

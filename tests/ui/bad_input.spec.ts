import { ExplorerView } from "./explorer";
import { expect, test } from "./fixtures";

test("one image", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook, "one");
  await expect(view.count).toHaveText("1 image");
  await expect(view.card("only.jpg").locator(".frame")).toHaveClass(/decoded/);
  await expect(view.root.getByRole("button", { name: /^Duplicates 0/ })).toBeDisabled();
  await view.card("only.jpg").focus();
  await view.page.keyboard.press("s");
  await expect(view.root.getByText("No similar images")).toBeVisible();
  await view.button("Back").click();
  await expect(view.count).toHaveText("1 image");
});

test("all images identical", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook, "same");
  await expect(view.count).toHaveText("6 images");
  await view.brushToTheLeft(0);
  await expect(view.count).toHaveText("5 of 6");
  await expect(view.card("first.jpg")).toBeHidden();
});

test("no readable image", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook, "unreadable");
  await expect(view.root.getByText("No readable images")).toBeVisible();
  await expect(view.root.getByText("3 files could not be read")).toBeVisible();
  expect(await notebook.value("len(project.failed)")).toBe(3);
});

test("a filter that nothing matches", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook);
  await notebook.run('explorer.filters = {"Uniqueness": (0.9999, 1)}');
  await expect(view.root.getByText("No image matches the filter")).toBeVisible();
  await view.button("Clear filter").click();
  await expect(view.cards.first()).toBeVisible();
});

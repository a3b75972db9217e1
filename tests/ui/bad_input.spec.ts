import { ExplorerView } from "./explorer";
import { expect, test } from "./fixtures";

test("one image, the same image often, none that can be read, and a filter that nothing matches", async ({
  notebook,
}) => {
  const one = await ExplorerView.show(notebook, "one");
  await expect(one.count).toHaveText("1 image");
  await expect(one.card("only.jpg").locator(".frame")).toHaveClass(/decoded/);
  await expect(one.root.getByRole("button", { name: /^Duplicates 0/ })).toBeDisabled();
  await one.card("only.jpg").focus();
  await one.page.keyboard.press("s");
  await expect(one.root.getByText("No similar images")).toBeVisible();
  await one.button("Back").click();
  await expect(one.count).toHaveText("1 image");

  const same = await ExplorerView.show(notebook, "same");
  await expect(same.count).toHaveText("6 images");
  await same.painted(6);
  const height = async () => (await same.root.locator(".stage").boundingBox())?.height;
  const before = await height();
  await same.brushToTheLeft(0);
  await expect(same.count).toHaveText("5 of 6");
  await expect(same.card("first.jpg")).toBeHidden();
  await notebook.run('explorer.filters = {"Uniqueness": (0.9999, 1)}');
  await expect(same.count).toHaveText("1 of 6");
  expect(await height()).toBe(before);
  await notebook.run('explorer.filters = {"Uniqueness": (0.4, 0.5)}');
  await expect(same.root.getByText("No image matches the filter")).toBeVisible();
  expect(await height()).toBe(before);
  await same.button("Clear filter").click();
  await expect(same.cards.first()).toBeVisible();

  const unreadable = await ExplorerView.show(notebook, "unreadable");
  await expect(unreadable.root.getByText("No readable images")).toBeVisible();
  await expect(unreadable.root.getByText("3 files could not be read")).toBeVisible();
  expect(await notebook.value("len(project.failed)")).toBe(3);
});

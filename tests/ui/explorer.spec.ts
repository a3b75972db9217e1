import { COPIES, ExplorerView, IMAGES, TRUTH } from "./explorer";
import { expect, test } from "./fixtures";

const GONE = "The kernel has restarted or is gone. Run the cell again to bring the gallery back.";

test("brush to the left end, select all, tag, read the tag in Python", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook);
  await expect(view.count).toHaveText(`${IMAGES} images`);
  await expect(view.cards.first().locator(".frame")).toHaveClass(/decoded/);

  await view.brushToTheLeft(0);
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  await expect(view.cards).toHaveCount(COPIES.length);
  await expect.poll(async () => (await view.names()).sort()).toEqual(COPIES);

  await view.button("Select all").click();
  await expect(view.selected).toHaveText(`${COPIES.length} selected`);
  await view.root.getByPlaceholder("Tag").fill("duplicate");
  await view.button("Tag").click();
  await expect(view.root.locator(".feedback")).toHaveText(`${COPIES.length} tagged duplicate`);

  const tagged = await notebook.value<string[]>('[p.name for p in explorer.tags["duplicate"]]');
  expect(tagged).toEqual(await view.names());
  expect(tagged.sort()).toEqual(COPIES);
  expect(await notebook.value("explorer.selected == explorer.view")).toBe(true);
  expect(await notebook.value("all(path.is_file() for path in explorer.selected)")).toBe(true);
});

test("a wider brush keeps what it covers, and a click beside it brings all back", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook);
  const bars = await notebook.value<number>("len(explorer.histogram.bins)");
  await view.brushToTheLeft(Math.floor(bars * 0.8));
  await expect(view.count).toHaveText(/ of /);
  const [low, high] = await notebook.value<[number, number]>('explorer.filters["Uniqueness"]');
  const expected = await notebook.value<number>(
    `int(((project.uniqueness >= ${low}) & (project.uniqueness <= ${high})).sum())`,
  );
  expect(low).toBe(0);
  expect(expected).toBeGreaterThan(COPIES.length);
  expect(expected).toBeLessThan(IMAGES);
  await expect(view.count).toHaveText(`${expected} of ${IMAGES}`);

  await view.clickBar(bars - 1);
  await expect(view.count).toHaveText(`${IMAGES} images`);
  expect(await notebook.value("explorer.filters")).toEqual({});
});

test("similar items of a card, by mouse and by keyboard", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook);
  const [asked = "", ...siblings] = TRUTH["scene-26.jpg"] ?? [];
  const nearest = ["scene-26.jpg", ...siblings].sort();

  await view.card(asked).hover();
  await view.button(`Similar items to ${asked}`).click();
  await expect(view.root.getByText(`Similar to ${asked}`)).toBeVisible();
  await expect(view.count).toHaveText(`50 of ${IMAGES}`);
  await expect.poll(async () => (await view.names()).slice(0, nearest.length).sort()).toEqual(nearest);
  await expect(view.card("scene-26.jpg").locator(".value")).toHaveText("0.0000");
  expect(await notebook.value("[path.name for path in explorer.query]")).toEqual([asked]);

  await view.button(`Back to all: Similar to ${asked}`).click();
  await expect(view.count).toHaveText(`${IMAGES} images`);

  await view.card(asked).focus();
  await view.page.keyboard.press("s");
  await expect(view.count).toHaveText(`50 of ${IMAGES}`);
  await view.page.keyboard.press("Escape");
  await expect(view.count).toHaveText(`${IMAGES} images`);
  expect(await notebook.value("explorer.query")).toBeNull();
});

test("a click on a bar asks for the items similar to those in it", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook);
  await view.clickMode();
  await view.clickBar(0);
  await expect(view.count).toHaveText(`${IMAGES - COPIES.length} of ${IMAGES}`);
  expect((await notebook.value<string[]>("[path.name for path in explorer.query]")).sort()).toEqual(COPIES);
  // The nearest of what is left are the scenes that were copied.
  const scenes = Object.keys(TRUTH).sort();
  await expect.poll(async () => (await view.names()).slice(0, scenes.length).sort()).toEqual(scenes);

  await view.button("Brush").click();
  await view.brushToTheLeft(0);
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
});

test("two views of one Explorer stay in step", async ({ notebook }) => {
  const one = await ExplorerView.show(notebook);
  const two = new ExplorerView(notebook.page, (await notebook.run("explorer")).output);
  await expect(two.count).toHaveText(`${IMAGES} images`);

  const [name = ""] = COPIES;
  await one.card(name).getByRole("checkbox").click();
  await expect(two.card(name)).toHaveAttribute("aria-selected", "true");
  await expect(two.selected).toHaveText("1 selected");
  await two.card(name).getByRole("checkbox").click();
  await expect(one.card(name)).toHaveAttribute("aria-selected", "false");
  await expect(one.selected).toHaveText("None selected");

  await two.brushToTheLeft(0);
  await expect(one.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  await two.button("Select all").click();
  await one.root.getByPlaceholder("Tag").fill("twice");
  await one.button("Tag").click();
  await expect(two.card(name).getByText("twice")).toBeVisible();
});

test("what Python sets is shown, and what is clicked can be observed", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook);
  await notebook.run('seen = []\nexplorer.observe(lambda change: seen.append(len(change.new)), "selected")');

  await notebook.run('explorer.filters = {"Uniqueness": (0, 0.0001)}');
  await expect(view.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  await expect(view.root.locator(".bqplot .brushintsel .selection")).toBeVisible();

  await notebook.run("explorer.selected = explorer.view[:3]");
  await expect(view.selected).toHaveText("3 selected");
  await expect(view.cards).toHaveCount(COPIES.length);
  const names = await notebook.value<string[]>("[path.name for path in explorer.view]");
  for (const [index, name] of names.entries()) {
    await expect(view.card(name)).toHaveAttribute("aria-selected", String(index < 3));
  }
  await view.card(names[3] ?? "").click({ modifiers: ["ControlOrMeta"] });
  await expect(view.selected).toHaveText("4 selected");
  await expect.poll(() => notebook.value("seen[-1]")).toBe(4);

  await notebook.run('explorer.filters = {}\nexplorer.sort = "-Uniqueness"');
  await expect(view.count).toHaveText(`${IMAGES} images`);
  const most = await notebook.value<string>("project.paths[project.uniqueness.argmax()].name");
  await expect.poll(async () => (await view.names())[0]).toBe(most);
});

test("the gallery answers while a cell runs that has changed the view", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook);
  await view.painted();
  const running = notebook.run(
    [
      "import time",
      'explorer.sort = "Name"',
      "end = time.monotonic() + 30",
      "while not explorer.selected and time.monotonic() < end:",
      "    pass",
      "print(len(explorer.selected))",
    ].join("\n"),
  );
  await expect.poll(async () => (await view.names())[0]).toBe("scene-00.jpg");
  await view
    .card(COPIES[0] ?? "")
    .getByRole("checkbox")
    .click();
  await expect(view.selected).toHaveText("1 selected");
  expect((await running).text.trim()).toBe("1");
});

test.describe(() => {
  test.use({ fresh: true });

  test("a kernel restart leaves a message, and running the cell again brings the gallery back", async ({
    notebook,
  }) => {
    const view = await ExplorerView.show(notebook);
    await expect(view.root.getByText(GONE)).toBeHidden();
    await notebook.restartKernel();
    await expect(view.root.getByText(GONE)).toBeVisible();
    await expect(view.cards.first()).toBeVisible();

    const again = await ExplorerView.show(notebook);
    await expect(again.count).toHaveText(`${IMAGES} images`);
    await again.brushToTheLeft(0);
    await expect(again.count).toHaveText(`${COPIES.length} of ${IMAGES}`);
  });
});

import { COPIES, IMAGES, TRUTH } from "./explorer";
import { expect, test } from "./fixtures";
import type { Notebook } from "./notebook";
import { Workspace } from "./workspace";

/** What an Explorer of Python shows: all of it, as it can be read. */
const STATE = (explorer: string) =>
  `(lambda e: [[p.name for p in e.view], e.filters, sorted(e.filters_off), e.sort, e.mode,
     e.query and [p.name for p in e.query]])(${explorer})`.replace(/\n\s*/g, " ");

/** The code of the view makes another Explorer, in a project opened anew, that shows the same. */
async function expectReproduced(notebook: Notebook): Promise<void> {
  await notebook.run("there = {}\nexec(explorer.to_code(), there)");
  expect(await notebook.value(STATE('there["explorer"]'))).toEqual(await notebook.value(STATE("explorer")));
  await notebook.run('there["explorer"].close(); there["project"].close()');
}

test("what is shown, by clicks, is written as code that shows the same", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await expectReproduced(notebook);

  await view.addFilter("Label");
  await view.root.locator("select[multiple]").selectOption(`dog (${IMAGES / 2})`);
  await view.addFilter("File name");
  await view.root.getByPlaceholder("Part of a name, or *.png").fill("scene-0");
  await view.page.keyboard.press("Enter");
  await view.panel.getByRole("checkbox").last().uncheck();
  await expect.poll(() => notebook.value("sorted(explorer.filters_off)")).toEqual(["File name"]);
  await view.root.getByLabel("Sort by").selectOption("Brightness");
  await view.root.getByRole("button", { name: /^Sort order/ }).click();
  await expect.poll(() => notebook.value("explorer.sort")).toBe("-Brightness");
  await expectReproduced(notebook);

  await view.cards.nth(2).focus();
  await view.page.keyboard.press("s");
  await expect.poll(() => notebook.value("explorer.query is not None")).toBe(true);
  await view.root.getByLabel("only what passes the filters").check();
  await view.root.getByLabel("At most").fill("9");
  await view.page.keyboard.press("Enter");
  await expect(view.count).toHaveText(`9 of ${IMAGES}`);
  await expectReproduced(notebook);

  await view.root.getByTitle("Back to what was shown before").click();
  await notebook.run("explorer.clear()");
  await view.tab("Overview");
  await view.card_of("Groups").click();
  await expect(view.count).toHaveText(/in 5 groups/);
  await expectReproduced(notebook);

  // The similar items of a bar of the histogram, which are asked for by many.
  await view.clickMode();
  await view.clickBar(0);
  await expect(view.count).toHaveText(`${IMAGES - COPIES.length} of ${IMAGES}`);
  await expectReproduced(notebook);
});

test("what is done in Python is shown, and what is clicked is observed", async ({ notebook }) => {
  const view = await Workspace.open(notebook);
  await notebook.run(
    [
      "seen = []",
      'for name in ("filters", "sort", "mode", "query", "view", "selected", "tags"):',
      "    explorer.observe(lambda change: seen.append(change.name), name)",
    ].join("\n"),
  );
  const seen = () => notebook.value<string[]>("sorted(set(seen))");
  await view.card_of("Duplicates").click();
  await expect.poll(seen).toEqual(expect.arrayContaining(["filters", "view"]));
  await view.cards.nth(0).click();
  await expect.poll(seen).toContain("selected");
  await view.button("Groups").click();
  await expect.poll(seen).toContain("mode");
  await view.root.getByLabel("Sort by").selectOption("Name");
  await expect.poll(seen).toContain("sort");
  await view.cards.nth(0).focus();
  await view.page.keyboard.press("s");
  await expect.poll(seen).toContain("query");
  await view.tab("Tags");
  await view.panel.getByPlaceholder("New or known name").fill("here");
  await view.page.keyboard.press("Enter");
  await expect.poll(seen).toContain("tags");

  const [copy = ""] = TRUTH["scene-38.jpg"] ?? [];
  await notebook.run(
    [
      "explorer.clear()",
      'explorer.mode, explorer.sort = "grid", "Uniqueness"',
      `one = [path for path in project.paths if path.name == ${JSON.stringify(copy)}]`,
      'project.tag(one, "from Python")',
      'project.relabel(one, "bird")',
    ].join("\n"),
  );
  const card = view.card(copy);
  await expect(card.getByText("from Python")).toBeVisible();
  await expect(card.locator(".label")).toHaveText("bird");
  await expect(view.panel.getByTitle("Show the images tagged from Python")).toBeVisible();
  expect(
    await notebook.value("[[p.name for p in explorer.tags['from Python']], len(explorer.tags)]"),
  ).toEqual([[copy], 2]);

  await notebook.run("gone = project.delete(one)");
  await expect(card).toBeHidden();
  await expect(view.count).toHaveText(`${IMAGES - 1} images`);
  await expect(view.panel.getByRole("button", { name: /Undo: Delet/ })).toBeVisible();
  await notebook.run("project.restore()");
  await expect(view.count).toHaveText(`${IMAGES} images`);
  await expect(view.card(copy).getByText("from Python")).toBeVisible();
  const kinds = await notebook.value<string[]>("[action.kind for action in project.history]");
  expect(kinds.slice(0, 4)).toEqual(["tag", "tag", "relabel", "delete"]);
  const exported = await notebook.value<string[]>(
    "[row['path'] for row in json.loads(project.export('all.json').read_text())]",
  );
  expect(exported).toHaveLength(IMAGES);
});

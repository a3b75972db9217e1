import { AxeBuilder } from "@axe-core/playwright";
import { COPIES, ExplorerView, IMAGES, TRUTH } from "./explorer";
import { expect, test } from "./fixtures";

/** The scene with the most copies: the keeper of the largest group. */
const [KEEPER, MEMBERS] = Object.entries(TRUTH).sort((a, b) => b[1].length - a[1].length)[0] as [
  string,
  string[],
];
const SELECTED = "[path.name for path in explorer.selected]";

test.describe("selection", () => {
  test("click, Ctrl-click, Shift-click and the checkbox", async ({ notebook }) => {
    const view = await ExplorerView.show(notebook);
    await view.painted();
    const [a = "", b = "", c = "", d = ""] = await view.names();

    await view.card(a).click();
    await view.card(c).click();
    await expect(view.selected).toHaveText("1 selected");
    await expect.poll(() => notebook.value(SELECTED)).toEqual([c]);
    await view.card(a).click({ modifiers: ["ControlOrMeta"] });
    await expect.poll(() => notebook.value(SELECTED)).toEqual([a, c]);
    await view.card(d).click({ modifiers: ["Shift"] });
    await expect.poll(() => notebook.value(SELECTED)).toEqual([a, b, c, d]);
    await view.card(b).getByRole("checkbox").click();
    await expect.poll(() => notebook.value(SELECTED)).toEqual([a, c, d]);

    await notebook.run('explorer.sort = "-Uniqueness"');
    await expect(view.selected).toHaveText("3 selected");
    await notebook.run('explorer.filters = {"Uniqueness": (0.001, 1)}');
    await expect(view.selected).toHaveText(/^3 selected \(\d not in view\)$/);
    expect((await notebook.value<string[]>(SELECTED)).sort()).toEqual([a, c, d].sort());
  });

  test("a rubber band, and Escape to abandon one", async ({ notebook }) => {
    const view = await ExplorerView.show(notebook);
    await view.painted();
    const names = await view.names();
    const columns = Number(await view.grid.getAttribute("aria-colcount"));
    const [first = "", last = ""] = [names[0], names[columns + 1]];
    const block = [0, 1, columns, columns + 1].map((position) => names[position]);

    await view.drag(first, last);
    await expect(view.root.locator(".band")).toBeVisible();
    await view.page.mouse.up();
    await expect(view.root.locator(".band")).toBeHidden();
    await expect.poll(() => notebook.value(SELECTED)).toEqual(block);

    await view.drag(names[2] ?? "", names[3] ?? "");
    await view.page.keyboard.press("Escape");
    await view.page.mouse.up();
    await expect(view.selected).toHaveText("4 selected");
    expect(await notebook.value(SELECTED)).toEqual(block);
  });

  test("by keyboard, while Jupyter's own shortcuts stay away", { tag: "@notebook" }, async ({ notebook }) => {
    const view = await ExplorerView.show(notebook);
    await view.painted();
    const names = await view.names();
    const cells = await notebook.page.locator(".jp-Notebook-cell").count();
    const { keyboard } = view.page;
    await view.card(names[0] ?? "").focus();
    await keyboard.press("Space");
    await keyboard.press("ArrowRight");
    await keyboard.press("ArrowRight");
    await keyboard.press("Space");
    // To ask the kernel would take the focus out of the gallery; the number selected comes from there.
    await expect(view.selected).toHaveText("2 selected");
    await expect(view.card(names[2] ?? "")).toHaveAttribute("aria-selected", "true");
    await keyboard.press("Shift+ArrowRight");
    await keyboard.press("Shift+ArrowRight");
    await expect(view.selected).toHaveText("3 selected");
    await expect(view.card(names[0] ?? "")).toHaveAttribute("aria-selected", "false");
    await keyboard.press("ControlOrMeta+a");
    await expect(view.selected).toHaveText(`${IMAGES} selected`);
    // Insert, delete, cut, copy, paste, undo and run a cell, were the notebook to hear them.
    for (const key of ["a", "b", "d", "d", "x", "c", "v", "z", "m", "y", "Shift+Enter"])
      await keyboard.press(key);
    await keyboard.press("Escape");
    await view.button("Clear").click();
    await expect(view.selected).toHaveText("None selected");
    await expect(notebook.page.locator(".jp-Notebook-cell")).toHaveCount(cells);
    await view.card(names[1] ?? "").focus();
    await keyboard.press("t");
    await expect(view.root.getByPlaceholder("Tag")).toBeFocused();
    await keyboard.type("keyed");
    await keyboard.press("Enter");
    await expect(view.root.locator(".feedback")).toHaveText("1 tagged keyed");
    expect(await notebook.value('[path.name for path in explorer.tags["keyed"]]')).toEqual([names[1]]);
  });
});

test("groups of duplicates row by row, and another keeper with one click", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook);
  await notebook.run("explorer.gallery.thumbnail_size = 96"); // so that the page holds all rows
  await view.button("Groups").click();
  const shown = COPIES.length + Object.keys(TRUTH).length;
  await expect(view.count).toHaveText(`${shown} images in ${Object.keys(TRUTH).length} groups`);
  await expect(view.cards.filter({ visible: true })).toHaveCount(shown);

  // Every row holds one group, and the first image of a group is the one that was copied.
  const rows = await view.root
    .locator("[role=row]")
    .evaluateAll((all) =>
      all
        .sort((a, b) => Number(a.getAttribute("aria-rowindex")) - Number(b.getAttribute("aria-rowindex")))
        .map((row) =>
          [...row.querySelectorAll(".card")]
            .filter((card) => card.checkVisibility())
            .map((card) => card.querySelector(".name")?.textContent ?? ""),
        ),
    );
  const sourceOf = (name: string) => `${name.slice(0, "scene-00".length)}.jpg`;
  for (const row of rows) expect(new Set(row.map(sourceOf)).size).toBe(1);
  const firsts = [...new Set(rows.map((row) => sourceOf(row[0] ?? "")))];
  expect(firsts.sort()).toEqual(Object.keys(TRUTH).sort());
  await expect(view.card(KEEPER).getByText("Keeper")).toBeVisible();

  await view.button("All but keepers").click();
  await expect(view.selected).toHaveText(`${COPIES.length} selected`);
  expect((await notebook.value<string[]>(SELECTED)).sort()).toEqual(COPIES);

  const [other = ""] = MEMBERS;
  await view.card(other).hover();
  await view.button(`Keep ${other} instead`).click();
  await expect(view.card(other).getByText("Keeper")).toBeVisible();
  await expect(view.card(KEEPER).getByText("Keeper")).toBeHidden();
  expect(await notebook.value(`float(project.uniqueness[project.rows("${KEEPER}")[0]])`)).toBe(0);
  expect(await notebook.value(`float(project.uniqueness[project.rows("${other}")[0]]) > 0.0001`)).toBe(true);

  await view.button("Grid").click();
  await expect(view.count).toHaveText(`${IMAGES} images`);
});

test("preview, comparison and difference", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook);
  await view.painted();
  const { keyboard } = view.page;
  const names = await view.names();
  await view.card(names[0] ?? "").focus();
  await keyboard.press("Enter");
  const preview = view.root.getByRole("dialog");
  await expect(preview).toHaveAccessibleName(`Preview of ${names[0]}`);
  await expect(preview.getByText("320 × 240")).toBeVisible();
  // The large image has the pixels of the file.
  const large = preview.locator(".layer img").last();
  await expect.poll(() => large.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(320);

  await keyboard.press("ArrowRight");
  await expect(preview).toHaveAccessibleName(`Preview of ${names[1]}`);
  await keyboard.press("Space");
  await expect(view.selected).toHaveText("1 selected");
  await expect(preview.getByRole("checkbox", { name: "Selected" })).toBeChecked();
  await keyboard.press("ArrowLeft");
  await expect(preview).toHaveAccessibleName(`Preview of ${names[0]}`);

  // Uniqueness ascending: the first is a copy, to be compared with its keeper.
  await expect(preview.getByRole("button", { name: "Compare" })).toBeEnabled(); // it is known with what
  await keyboard.press("c");
  await expect(preview.getByText("same bytes").first()).toBeVisible();
  await keyboard.press("d");
  await expect(preview.getByText("Black: no difference")).toBeVisible();
  await keyboard.press("Escape");
  await keyboard.press("Escape");
  await keyboard.press("Escape");
  await expect(preview).toBeHidden();
  await expect(view.card(names[0] ?? "")).toBeFocused();
  expect(await notebook.value(SELECTED)).toEqual([names[1]]);
});

test("a preview of a file that is gone says so", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook, "one");
  await notebook.run('import os\nos.rename("../data/one/only.jpg", "../data/one/only.jpg.away")');
  try {
    await view.card("only.jpg").dblclick();
    await expect(view.root.getByRole("dialog").getByText("no longer there")).toBeVisible();
  } finally {
    await notebook.run('os.rename("../data/one/only.jpg.away", "../data/one/only.jpg")');
  }
});

test("axe finds no serious violation in grid, groups and preview", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook);
  await view.painted();
  const scan = async () => {
    const { violations } = await new AxeBuilder({ page: view.page }).include(".simwidget-gallery").analyze();
    const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    expect(bad.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join("\n")}`)).toEqual([]);
  };
  await scan();
  await view.card((await view.names())[0] ?? "").click();
  await view.button("Groups").click();
  await expect(view.root.getByText("Keeper", { exact: true }).first()).toBeVisible();
  await scan();
  await view.cards.first().dblclick();
  await expect(view.root.getByRole("dialog").getByText("320 × 240")).toBeVisible();
  await scan();
});

test.describe(() => {
  test.use({ fresh: true }); // a kernel that has not seen bqplot yet

  test("a gallery alone, without bqplot", { tag: "@notebook" }, async ({ notebook }) => {
    const { output } = await notebook.run(
      [
        "import sys, simwidget as sw",
        'project = sw.Project.from_folder("../data/photos", project_dir="project", embedder="perceptual", progress=False)',
        "gallery = sw.Gallery(project)",
        "gallery",
      ].join("\n"),
    );
    const view = new ExplorerView(notebook.page as never, output);
    await view.painted();
    await view.card(COPIES[0] ?? "").click();
    await expect(view.selected).toHaveText("1 selected");
    expect(await notebook.value("gallery.session.selected_ids")).toHaveLength(1);
    expect(await notebook.value('"bqplot" in sys.modules')).toBe(false);
  });
});

test("names, labels and tags of all kinds are text, and nothing else", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook, "hostile");
  const names = await notebook.value<string[]>("[path.name for path in explorer.view]");
  expect(names).toHaveLength(5);
  for (const name of names) await expect(view.card(name).locator(".frame")).toHaveClass(/decoded/);
  const tag = `<b onclick="hacked=1">${"שלום 🎈 ".repeat(12)}`.trim();
  await notebook.run(`_ = project.tag(project.ids, ${JSON.stringify(tag)})`);
  await expect(view.gallery.getByText(tag, { exact: true }).first()).toBeVisible();
  await view.cards.first().dblclick();
  const preview = view.root.getByRole("dialog");
  for (const name of await view.names()) {
    await expect(preview).toHaveAccessibleName(`Preview of ${name}`);
    await view.page.keyboard.press("ArrowRight");
  }
  expect(await view.page.evaluate(() => "hacked" in window)).toBe(false);
  // Nothing is wider than the gallery.
  const overflow = await view.gallery.evaluate((host) => {
    const gallery = host.shadowRoot?.querySelector(".gallery") as HTMLElement;
    return gallery.scrollWidth - gallery.clientWidth;
  });
  expect(overflow).toBeLessThanOrEqual(0);
});

test("a thumbnail that is no image, and messages that are none", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook, "one");
  await expect(view.card("only.jpg").locator(".frame")).toHaveClass(/decoded/);
  await notebook.run(
    [
      "import sqlite3",
      'db = sqlite3.connect("one/thumbnails.db")',
      `db.execute("UPDATE thumbnails SET jpeg = X'00FF'")`,
      "db.commit(); db.close()",
      "for message in ({}, [], 3, {'kind': 'reply'}, {'kind': 'reply', 'id': 'x', 'status': 'ok'}, {'kind': 'reply', 'id': 2**60, 'status': 'error'}):",
      "    explorer.gallery.send(message, [b'x' * 10])",
    ].join("\n"),
  );
  const again = await ExplorerView.in(notebook, await notebook.run("sw.Gallery(project)"));
  await expect(again.card("only.jpg").getByText("No preview")).toBeVisible();
  await view.card("only.jpg").click();
  await expect(view.selected).toHaveText("1 selected");
});

test("the view shrinks and grows while rows are on their way", async ({ notebook }) => {
  const view = await ExplorerView.show(notebook);
  await view.painted();
  const flicker = notebook.run(
    [
      "for turn in range(60):",
      '    explorer.filters = {"Uniqueness": (0, 0.0001)} if turn % 2 else {}',
      "explorer.filters = {}",
    ].join("\n"),
  );
  const box = await view.grid.boundingBox();
  await view.page.mouse.move((box?.x ?? 0) + 200, (box?.y ?? 0) + 200);
  for (let turn = 0; turn < 20; turn++) await view.page.mouse.wheel(0, turn % 3 ? 400 : -700);
  await flicker;
  await expect(view.count).toHaveText(`${IMAGES} images`);
  await view.grid.evaluate((grid) => grid.scrollTo(0, grid.scrollHeight));
  const last = await notebook.value<string>("explorer.view[-1].name");
  await expect(view.card(last).locator(".frame")).toHaveClass(/decoded/);
  await expect(view.root.getByRole("alert")).toBeHidden();
});

test("colors are those of the theme: JupyterLab, else VS Code, else Colab; styles leak neither way", {
  tag: "@notebook",
}, async ({ notebook }) => {
  const view = await ExplorerView.show(notebook, "one");
  const surface = () =>
    view.gallery.evaluate(
      (host, names) => {
        const gallery = host.shadowRoot?.querySelector(".gallery") as HTMLElement;
        const { backgroundColor, color } = getComputedStyle(gallery);
        const theme = getComputedStyle(document.body);
        const probe = document.body.appendChild(document.createElement("i"));
        const resolved = names.map((name) => {
          probe.style.color = theme.getPropertyValue(name);
          return getComputedStyle(probe).color;
        });
        probe.remove();
        return { shown: [backgroundColor, color], theme: resolved };
      },
      ["--jp-layout-color1", "--jp-ui-font-color0"],
    );
  const seen = new Set<string>();
  for (const theme of ["JupyterLab Dark", "JupyterLab Dark High Contrast", "JupyterLab Light"]) {
    await notebook.page.theme.setTheme(theme);
    await expect(async () => {
      const { shown, theme: wanted } = await surface();
      expect(shown).toEqual(wanted);
      seen.add(`${theme} ${shown}`);
    }).toPass();
  }
  expect(seen.size).toBe(3);

  const without = async (...set: [string, string][]) => {
    await view.gallery.evaluate((host, properties) => {
      const { style } = host.parentElement as HTMLElement;
      for (const name of ["--jp-layout-color1", "--jp-ui-font-color0"]) style.setProperty(name, "initial");
      for (const [name, value] of properties) style.setProperty(name, value);
    }, set);
    return (await surface()).shown;
  };
  expect(await without()).toEqual(["rgb(255, 255, 255)", "rgb(31, 35, 40)"]);
  expect(await without(["color-scheme", "dark"])).toEqual(["rgb(27, 29, 33)", "rgb(232, 234, 237)"]);
  const colab = ["--colab-primary-surface-color", "rgb(1, 2, 3)"] as [string, string];
  expect((await without(colab))[0]).toBe("rgb(1, 2, 3)");
  expect((await without(colab, ["--vscode-editor-background", "rgb(4, 5, 6)"]))[0]).toBe("rgb(4, 5, 6)");

  const style = await notebook.page.addStyleTag({
    content: "* .card, button { border: 9px solid red !important; }",
  });
  expect(await view.cards.first().evaluate((card) => getComputedStyle(card).borderTopWidth)).toBe("0px");
  await style.evaluate((element) => (element as HTMLElement).remove());
});

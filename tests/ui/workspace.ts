import type { Locator } from "@playwright/test";
import { ExplorerView, IMAGES } from "./explorer";
import type { Notebook } from "./notebook";

/** The photos, copied into the folder of the notebook, so that they can be deleted; half of them are labelled cat. */
const PHOTOS = [
  "import shutil, simwidget as sw",
  'shutil.copytree("../data/photos", "photos", copy_function=shutil.copy2)',
  'paths = sorted(__import__("pathlib").Path("photos").iterdir())',
  'labels = {path: "cat" if number % 2 else "dog" for number, path in enumerate(paths)}',
  'project = sw.Project.from_folder("photos", labels=labels, embedder="perceptual", progress=False)',
];

/**
 * The catalog, labelled by folder. One of six identical images has another label than the rest, and one of four
 * others is in another split.
 */
const CATALOG = [
  "import shutil, simwidget as sw",
  "from pathlib import Path",
  'shutil.copytree("../data/catalog", "catalog", copy_function=shutil.copy2)',
  'paths = sorted(path for path in Path("catalog").glob("*/*.jpg") if path.name != "broken.jpg")',
  'labels = {path: "even" if path.name == "scene-11-copy-0.jpg" else path.parent.name for path in paths}',
  'held_out = {"scene-26-copy-1.jpg", "scene-00.jpg", "scene-05.jpg"}',
  'split = {path: "test" if path.name in held_out else "train" for path in paths}',
  'project = sw.Project.from_folder("catalog", labels=labels, split=split, embedder="perceptual", progress=False)',
];
/** Beside the photos the catalog has two images that can be read. */
export const IN_CATALOG = IMAGES + 2;

const SETS = { photos: PHOTOS, catalog: CATALOG };

/** The panels of an Explorer besides its gallery, as a person sees them. */
export class Workspace extends ExplorerView {
  static async open(notebook: Notebook, set: keyof typeof SETS = "photos"): Promise<Workspace> {
    const code = [...SETS[set], "explorer = sw.Explorer(project)", "explorer"].join("\n");
    const { output } = await notebook.run(code);
    const view = new Workspace(notebook.page as never, output);
    await view.count.waitFor();
    return view;
  }

  /** What the tab that is open shows. */
  get panel(): Locator {
    return this.root.locator(".widget-tab-contents");
  }

  async tab(name: string): Promise<void> {
    await this.root.getByRole("tab", { name, exact: true }).click();
  }

  /** A line of the overview, by how its name begins. */
  card_of(name: string): Locator {
    return this.root.locator(".simwidget-overview").getByRole("button", { name: new RegExp(`^${name}`) });
  }

  /** A dropdown, by the first of its options. */
  dropdown(first: string): Locator {
    return this.root.locator("select", { has: this.page.locator("option", { hasText: first }) });
  }

  /** Open the tab of the filters and add one; gives its card. */
  async addFilter(name: string): Promise<Locator> {
    await this.tab("Filter");
    await this.dropdown("Add filter").selectOption(name);
    const remove = this.page.getByTitle(`Remove the filter on ${name}`);
    return this.root.locator(".widget-vbox", { has: remove }).last();
  }
}

import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, type Locator, type Page } from "@playwright/test";
import { DATA } from "./environment";
import type { CellRun, Notebook } from "./notebook";

/** The copies planted in `photos` as `make_data.py` wrote them down, by the scene that they were copied from. */
export const TRUTH = JSON.parse(readFileSync(path.join(DATA, "truth.json"), "utf8")) as Record<
  string,
  string[]
>;
export const COPIES = Object.values(TRUTH).flat().sort();
export const IMAGES = 40 + COPIES.length;

/** A size between 10 and 999 kB as simwidget writes it. */
export function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(bytes < 99_950 ? 1 : 0)} kB`;
}

/** Python source that builds a project of one of the sets in a folder of its own. */
export type ImageSet = "photos" | "one" | "same" | "unreadable" | "hostile";

export function build(set: ImageSet): string {
  return [
    "import simwidget as sw",
    `project = sw.Project.from_folder("../data/${set}", project_dir="${set}", embedder="perceptual", progress=False)`,
    "explorer = sw.Explorer(project)",
  ].join("\n");
}

/** A gallery on the page, alone or in an Explorer, as a person sees it. */
export class ExplorerView {
  readonly gallery: Locator;
  readonly grid: Locator;
  readonly cards: Locator;
  /** How many images are in view. */
  readonly count: Locator;
  readonly selected: Locator;
  readonly bars: Locator;

  constructor(
    readonly page: Page,
    readonly root: Locator,
  ) {
    this.gallery = root.locator(".simwidget-gallery");
    this.grid = root.getByRole("grid");
    this.cards = root.getByRole("gridcell");
    this.count = root.locator(".toolbar .count");
    this.selected = root.locator(".selection .selected");
    this.bars = root.locator(".bqplot .bargroup .bar");
  }

  /** Build a project, show its Explorer and wait until it is drawn. */
  static async show(notebook: Notebook, set: ImageSet = "photos"): Promise<ExplorerView> {
    return ExplorerView.in(notebook, await notebook.run(`${build(set)}\nexplorer`));
  }

  static async in(notebook: Notebook, { output }: CellRun): Promise<ExplorerView> {
    const view = new ExplorerView(notebook.page as unknown as Page, output);
    await view.count.waitFor();
    return view;
  }

  button(name: string): Locator {
    return this.root.getByRole("button", { name, exact: true });
  }

  card(name: string): Locator {
    return this.cards.filter({ has: this.page.locator(`.name[title=${JSON.stringify(name)}]`) });
  }

  /** Wait until the thumbnails of the first cards are on the screen. */
  async painted(cards = 6): Promise<void> {
    for (let card = 0; card < cards; card++) {
      await expect(this.cards.nth(card).locator(".frame")).toHaveClass(/decoded/);
    }
  }

  /** Drag the mouse from the middle of one card to the middle of another. */
  async drag(from: string, to: string): Promise<void> {
    const [start, end] = [await center(this.card(from)), await center(this.card(to))];
    await this.page.mouse.move(start.x, start.y);
    await this.page.mouse.down();
    await this.page.mouse.move(end.x, end.y, { steps: 5 });
  }

  /** File names on the cards, in the order in which they are seen; the page holds recycled rows in any order. */
  async names(): Promise<string[]> {
    return this.cards.evaluateAll((cards) => {
      const place = (card: Element): [number, number] => [
        Number(card.parentElement?.getAttribute("aria-rowindex")),
        Number(card.getAttribute("aria-colindex")),
      ];
      return cards
        .filter((card) => card.checkVisibility())
        .map((card) => ({ name: card.querySelector(".name")?.textContent ?? "", place: place(card) }))
        .sort((a, b) => a.place[0] - b.place[0] || a.place[1] - b.place[1])
        .map(({ name }) => name);
    });
  }

  /** Let the mouse click bars. The brush would swallow that for as long as the kernel has not taken it away. */
  async clickMode(): Promise<void> {
    await this.button("Click").first().click();
    await expect(this.root.locator(".bqplot").first().locator(".brushintsel")).toHaveCount(0);
  }

  /** Click a bar of the histogram, wherever in the plot its top is. */
  async clickBar(bar: number): Promise<void> {
    const { x, y } = await center(this.bars.nth(bar));
    await this.page.mouse.click(x, y);
  }

  /** Drag over the histogram from the middle of one bar to beyond the edge of the axis on its left. */
  async brushToTheLeft(bar: number): Promise<void> {
    await this.dragToTheLeft(bar);
    await this.page.mouse.up();
  }

  /** The same, with the mouse still down. */
  async dragToTheLeft(bar: number): Promise<void> {
    const from = await center(this.bars.nth(bar));
    const first = await center(this.bars.first());
    const overlay = await box(this.root.locator(".bqplot .brushintsel .overlay"));
    await this.page.mouse.move(from.x, overlay.y + overlay.height / 2);
    await this.page.mouse.down();
    await this.page.mouse.move(first.x, overlay.y + overlay.height / 2, { steps: 4 });
    await this.page.mouse.move(overlay.x, overlay.y + overlay.height / 2, { steps: 4 });
  }
}

async function box(locator: Locator) {
  await locator.scrollIntoViewIfNeeded();
  const found = await locator.boundingBox();
  if (!found) throw new Error(`${locator} is not shown`);
  return found;
}

async function center(locator: Locator): Promise<{ x: number; y: number }> {
  const { x, y, width, height } = await box(locator);
  return { x: x + width / 2, y: y + height / 2 };
}

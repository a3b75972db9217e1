/** The line above a previewed image: which one it is, whether it is selected, how large it is shown. */

import { h, icon } from "./dom";
import { formatCount } from "./format";
import type { Row } from "./protocol";

const BACK_ICON = "M10 2.5 4.5 8l5.5 5.5";
const SIMILAR_ICON = "M2.5 2.5h7v7h-7zM12 5.5h1.5v8h-8V12";
const COMPARE_ICON = "M2.5 3h4.5v10H2.5zM9 3h4.5v10H9z";
const OUT_ICON = "M3 8h10";
const IN_ICON = "M3 8h10M8 3v10";
const FULL_ICON = "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10";

export interface BarActions {
  back(): void;
  select(): void;
  similar(): void;
  compare(): void;
  fit(): void;
  actual(): void;
  zoomBy(steps: number): void;
  fullScreen(): void;
}

export interface BarContent {
  position: number;
  count: number;
  /** `undefined` while it is on its way. */
  row: Row | undefined;
  /** Name of the image to compare with, or compared with; `undefined` when there is none. */
  other: string | undefined;
  isComparing: boolean;
  percent: number | undefined;
  /** Longer sides of what is shown and of the file, pixels. */
  shown: number | undefined;
  full: number | undefined;
}

function button(title: string, onClick: () => void, ...content: (Node | string)[]): HTMLButtonElement {
  const element = h("button", { type: "button", title }, ...content);
  element.addEventListener("click", onClick);
  return element;
}

/** A button without text; its title is its name. */
function iconButton(title: string, path: string, onClick: () => void): HTMLButtonElement {
  const element = button(title, onClick, icon(path));
  element.className = "icon-button";
  element.setAttribute("aria-label", title);
  return element;
}

export class PreviewBar {
  readonly element: HTMLElement;
  readonly #name = h("span", { class: "preview-name", dir: "auto" });
  readonly #position = h("span", { class: "preview-position" });
  readonly #selected = h("input", { type: "checkbox" });
  readonly #similar: HTMLButtonElement;
  readonly #compare: HTMLButtonElement;
  readonly #percent = h("span", { class: "percent" });
  readonly #zoom: HTMLElement;

  constructor(actions: BarActions) {
    this.#selected.addEventListener("change", () => actions.select());
    this.#similar = button(
      "Similar items (S)",
      actions.similar,
      icon(SIMILAR_ICON),
      h("span", {}, "Similar"),
    );
    this.#similar.setAttribute("aria-label", "Similar items");
    this.#compare = button("", actions.compare, icon(COMPARE_ICON), h("span", {}, "Compare"));
    this.#compare.setAttribute("aria-label", "Compare");
    this.#zoom = h(
      "span",
      { class: "zoom", role: "group", "aria-label": "Zoom" },
      button("Show all of the image (0)", actions.fit, "Fit"),
      button("Show the file’s pixels as the screen’s (1)", actions.actual, "100%"),
      iconButton("Zoom out (-)", OUT_ICON, () => actions.zoomBy(-1)),
      this.#percent,
      iconButton("Zoom in (+)", IN_ICON, () => actions.zoomBy(1)),
    );
    const full = iconButton("Full screen", FULL_ICON, actions.fullScreen);
    full.hidden = !document.fullscreenEnabled;
    this.element = h(
      "div",
      { class: "preview-bar" },
      iconButton("Back to the grid (Esc)", BACK_ICON, actions.back),
      h("span", { class: "preview-title" }, this.#name, this.#position),
      h("label", { class: "pick", title: "Select this image (Space)" }, this.#selected, "Selected"),
      this.#similar,
      this.#compare,
      this.#zoom,
      full,
    );
  }

  show({ position, count, row, other, isComparing, percent, shown, full }: BarContent): void {
    const name = row?.name ?? "Loading…";
    if (this.#name.textContent !== name) this.#name.textContent = name;
    this.#name.title = name;
    this.#position.textContent = `${formatCount(position + 1)} of ${formatCount(count)}`;
    this.#selected.checked = row?.selected ?? false;
    this.#selected.disabled = row === undefined;
    this.#similar.disabled = row === undefined;
    this.#compare.disabled = other === undefined;
    this.#compare.setAttribute("aria-pressed", String(isComparing));
    this.#compare.title = isComparing
      ? "Back to one image (C)"
      : other === undefined
        ? "Nothing to compare with: no duplicates, nothing else selected"
        : `Compare with ${other} (C)`;
    this.#percent.textContent = percent === undefined ? "–" : `${formatCount(Math.round(percent))}%`;
    const isReduced = shown !== undefined && full !== undefined && shown < full;
    this.#percent.title = isReduced
      ? `Shown at ${formatCount(shown)} of ${formatCount(full)} pixels`
      : "Size relative to the file’s own pixels";
    this.#percent.classList.toggle("reduced", isReduced);
  }
}

/** One cell of the grid. Cards are recycled: `show` makes any card show any item. */

import { h, icon } from "./dom";
import { formatItems, formatValue } from "./format";
import type { Row } from "./protocol";

const SIMILAR_ICON = "M2.5 2.5h7v7h-7zM12 5.5h1.5v8h-8V12";
const TAGS_SHOWN = 2;

export interface CardContent {
  /** View position, or `undefined` for a place past the last item. */
  position: number | undefined;
  column: number;
  /** `undefined` while the row is on its way. */
  row: Row | undefined;
  /** As `Thumbnails.url` gives it. */
  url: string | null | undefined;
  valueName: string;
}

export class Card {
  readonly element: HTMLElement;
  position: number | undefined;
  readonly #checkbox = h("input", { type: "checkbox", tabindex: -1 });
  readonly #image = h("img", { alt: "", decoding: "async", draggable: "false" });
  readonly #badge = h("span", { class: "badge" });
  readonly #tags = h("span", { class: "tags" });
  readonly #similar = h(
    "button",
    { type: "button", class: "similar", tabindex: -1, title: "Similar items (S)" },
    icon(SIMILAR_ICON),
  );
  readonly #frame: HTMLElement;
  readonly #name = h("span", { class: "name" });
  readonly #value = h("span", { class: "value" });
  readonly #label = h("span", { class: "label" });
  readonly #onBroken: (item: number) => void;
  #row: Row | undefined;
  #url: string | null | undefined;

  /** @param onBroken Called with the item whose thumbnail cannot be decoded. */
  constructor(onBroken: (item: number) => void) {
    this.#onBroken = onBroken;
    this.#frame = h(
      "div",
      { class: "frame" },
      this.#image,
      h("span", { class: "missing" }, "No preview"),
      this.#checkbox,
      this.#badge,
      this.#tags,
      this.#similar,
    );
    const meta = h("div", { class: "meta" }, this.#value, this.#label);
    this.element = h("div", { role: "gridcell", class: "card", tabindex: -1 }, this.#frame, this.#name, meta);
    this.#clear();
  }

  show({ position, column, row, url, valueName }: CardContent): void {
    this.position = position;
    this.element.hidden = position === undefined;
    this.element.setAttribute("aria-colindex", String(column + 1));
    if (row) {
      if (row !== this.#row) this.#fill(row);
      this.#value.title = `${valueName}: ${row.value}`;
    } else if (this.#row) {
      this.#clear();
    }
    this.#setImage(row ? url : undefined);
  }

  #fill(row: Row): void {
    const previous = this.#row;
    this.#row = row;
    const { name, value, label, selected, color, group } = row;
    this.element.classList.remove("loading");
    this.element.setAttribute("aria-selected", String(selected));
    this.#checkbox.checked = selected;
    if (previous?.name !== name) {
      this.element.setAttribute("aria-label", name);
      this.#checkbox.setAttribute("aria-label", `Select ${name}`);
      this.#similar.setAttribute("aria-label", `Similar items to ${name}`);
      this.#name.textContent = name;
      this.#name.title = name;
    }
    this.#value.textContent = formatValue(value);
    this.#label.textContent = label ?? "";
    this.#label.title = label ?? "";
    this.#frame.style.setProperty("--mean", `rgb(${color.join(" ")})`);
    this.#badge.hidden = group <= 0;
    this.#badge.textContent = `≈ ${group}`;
    this.#badge.title = `${formatItems(group, "other image")} like this one`;
    const chips = row.tags.slice(0, TAGS_SHOWN).map((tag) => h("span", { class: "tag", title: tag }, tag));
    const more = row.tags.length - chips.length;
    if (more > 0) chips.push(h("span", { class: "tag", title: row.tags.join(", ") }, `+${more}`));
    this.#tags.replaceChildren(...chips);
  }

  #clear(): void {
    this.#row = undefined;
    this.element.classList.add("loading");
    this.element.setAttribute("aria-selected", "false");
    this.element.setAttribute("aria-label", "Loading");
    this.#checkbox.checked = false;
    this.#frame.style.removeProperty("--mean");
    this.#badge.hidden = true;
    for (const part of [this.#tags, this.#name, this.#value, this.#label]) part.replaceChildren();
  }

  #setImage(url: string | null | undefined): void {
    if (url === this.#url) return;
    this.#url = url;
    this.#frame.classList.remove("decoded");
    this.#frame.classList.toggle("broken", url === null);
    if (!url) {
      this.#image.removeAttribute("src");
      return;
    }
    const image = this.#image;
    const item = this.#row?.id;
    image.src = url;
    const settled = () => {
      if (this.#url !== url) return; // recycled meanwhile
      if (image.naturalWidth > 0) this.#frame.classList.add("decoded");
      else if (item !== undefined) this.#onBroken(item);
    };
    // Decodes off the main thread. It rejects for reasons other than a bad file, too, hence the look at the width.
    image.decode().then(settled, settled);
  }
}

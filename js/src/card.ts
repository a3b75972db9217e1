/** One cell of the grid. Cards are recycled: `show` makes any card show any item. */

import { h, icon } from "./dom";
import { formatItems, formatValue } from "./format";
import type { Row } from "./protocol";

const SIMILAR_ICON = "M2.5 2.5h7v7h-7zM12 5.5h1.5v8h-8V12";
const KEEP_ICON = "M8 1.8l1.9 3.9 4.3.6-3.1 3 .7 4.3L8 11.6l-3.8 2 .7-4.3-3.1-3 4.3-.6z";
const TAGS_SHOWN = 2;

export interface CardContent {
  /** View position, or `undefined` for a place after the last item of a row. */
  position: number | undefined;
  /** `undefined` while the row is on its way. */
  row: Row | undefined;
  /** As `Thumbnails.decoded` gives it. */
  url: string | null | undefined;
  valueName: string;
  /** Whether the card is shown in the group view. */
  isGrouped: boolean;
}

export class Card {
  readonly element: HTMLElement;
  position: number | undefined;
  readonly #checkbox = h("input", { type: "checkbox", tabindex: -1 });
  readonly #image = h("img", { alt: "", decoding: "sync", draggable: "false" });
  /** What stands in for the image until it is here, in its mean color. */
  readonly #mean = h("span", { class: "mean" });
  readonly #badge = h("span", { class: "badge" });
  readonly #tags = h("span", { class: "tags" });
  readonly #keep = h(
    "button",
    { type: "button", class: "keep", tabindex: -1, title: "Keep this one instead (K)" },
    icon(KEEP_ICON),
  );
  readonly #similar = h(
    "button",
    { type: "button", class: "similar", tabindex: -1, title: "Similar items (S)" },
    icon(SIMILAR_ICON),
  );
  readonly #frame: HTMLElement;
  readonly #name = h("span", { class: "name", dir: "auto" });
  readonly #value = h("span", { class: "value" });
  readonly #label = h("span", { class: "label", dir: "auto" });
  #row: Row | undefined;
  #url: string | null | undefined;
  /** The item whose picture this is. */
  #pictured: number | undefined;
  #valueName = "";
  #isGrouped = false;
  #isMarked = false;

  constructor(column: number) {
    this.#frame = h(
      "div",
      { class: "frame" },
      this.#mean,
      this.#image,
      h("span", { class: "missing" }, "No preview"),
      this.#checkbox,
      this.#badge,
      this.#tags,
      this.#keep,
      this.#similar,
    );
    const meta = h("div", { class: "meta" }, this.#value, this.#label);
    this.element = h(
      "div",
      { role: "gridcell", class: "card", tabindex: -1, "aria-colindex": column + 1 },
      this.#frame,
      this.#name,
      meta,
    );
    this.#clear();
  }

  /**
   * Show an item. What is the same as before is left alone, for this runs many times a frame.
   *
   * @returns Whether there was anything to do.
   */
  show({ position, row, url, valueName, isGrouped }: CardContent): boolean {
    this.position = position;
    setHidden(this.element, position === undefined);
    const isAlike = !row || (valueName === this.#valueName && isGrouped === this.#isGrouped);
    const isSame = row === this.#row && isAlike;
    if (!row) {
      if (!isSame) this.#clear();
    } else if (!isSame) {
      this.#valueName = valueName;
      this.#isGrouped = isGrouped;
      this.#fill(row);
    }
    return this.#setImage(row?.id, url) || !isSame;
  }

  /** Show whether a rubber band is over the card. */
  mark(isMarked: boolean): void {
    if (isMarked === this.#isMarked) return;
    this.#isMarked = isMarked;
    this.element.classList.toggle("marked", isMarked);
  }

  #fill(row: Row): void {
    const previous = this.#row;
    this.#row = row;
    if (!previous) this.element.classList.remove("loading");
    if (previous?.selected !== row.selected) {
      this.element.setAttribute("aria-selected", String(row.selected));
      this.#checkbox.checked = row.selected;
    }
    if (previous?.name !== row.name) {
      this.#checkbox.setAttribute("aria-label", `Select ${row.name}`);
      this.#similar.setAttribute("aria-label", `Similar items to ${row.name}`);
      this.#keep.setAttribute("aria-label", `Keep ${row.name} instead`);
      write(this.#name, row.name, row.name);
    }
    // The keeper is at no distance from itself.
    const value = row.keeper ? "" : formatValue(row.value);
    write(this.#value, value, value && `${this.#valueName}: ${row.value}`);
    if (previous?.label !== row.label || previous.suspected !== row.suspected) this.#fillLabel(row);
    const color = row.color.join(" ");
    if (previous?.color.join(" ") !== color) this.#mean.style.backgroundColor = `rgb(${color} / 55%)`;
    this.#fillBadge(row);
    if (previous?.tags.join("\n") !== row.tags.join("\n")) this.#fillTags(row.tags);
    const name = this.#describe(row);
    if (this.element.getAttribute("aria-label") !== name) this.element.setAttribute("aria-label", name);
  }

  #fillBadge({ group, keeper }: Row): void {
    const isMember = this.#isGrouped && !keeper;
    this.element.classList.toggle("keeper", keeper);
    this.element.classList.toggle("member", isMember);
    setHidden(this.#keep, !isMember);
    // The group view shows how large a group is.
    setHidden(this.#badge, !keeper && (group <= 0 || isMember));
    const others = `${formatItems(group, "other image")} like this one`;
    if (keeper) write(this.#badge, "Keeper", "Stays when the rest of its group is deleted");
    else if (group > 0) write(this.#badge, `≈ ${group}`, others);
  }

  #fillLabel({ label, suspected }: Row): void {
    const isSuspected = suspected !== null;
    this.#label.classList.toggle("suspicion", isSuspected);
    this.#label.title = isSuspected ? describeSuspicion(label, suspected) : (label ?? "");
    // Each label in its own direction, and the arrow always from the one to the other.
    this.#label.dir = isSuspected ? "ltr" : "auto";
    if (!isSuspected) this.#label.textContent = label ?? "";
    else if (label === null) this.#label.replaceChildren("→ ", h("bdi", {}, suspected), "?");
    else this.#label.replaceChildren(h("bdi", {}, label), " → ", h("bdi", {}, suspected), "?");
  }

  #fillTags(tags: readonly string[]): void {
    const chips = tags
      .slice(0, TAGS_SHOWN)
      .map((tag) => h("span", { class: "tag", dir: "auto", title: tag }, tag));
    const more = tags.length - chips.length;
    if (more > 0) chips.push(h("span", { class: "tag more", title: tags.join(", ") }, `+${more}`));
    this.#tags.replaceChildren(...chips);
  }

  /** All that a screen reader says of the card. */
  #describe({ name, value, label, suspected, tags, keeper, group }: Row): string {
    const known = Number.isFinite(value)
      ? `${this.#valueName} ${formatValue(value)}`
      : `no ${this.#valueName}`;
    return [
      name,
      keeper ? "keeper" : known,
      suspected !== null ? describeSuspicion(label, suspected) : label !== null && `label ${label}`,
      tags.length > 0 && `tagged ${tags.join(", ")}`,
      group > 0 && formatItems(group, "duplicate"),
    ]
      .filter(Boolean)
      .join(", ");
  }

  #clear(): void {
    this.#row = undefined;
    this.element.classList.add("loading");
    this.element.classList.remove("keeper", "member");
    this.element.setAttribute("aria-selected", "false");
    this.element.setAttribute("aria-label", "Loading");
    this.#checkbox.checked = false;
    this.#mean.style.backgroundColor = "";
    this.#badge.hidden = true;
    this.#keep.hidden = true;
    for (const part of [this.#name, this.#value, this.#label]) write(part, "", "");
    this.#tags.replaceChildren();
  }

  /** @returns Whether the card shows another picture than before. */
  #setImage(item: number | undefined, url: string | null | undefined): boolean {
    // One that is shown stays, also where it is no longer kept ready.
    if (url === undefined && item !== undefined && item === this.#pictured) return false;
    this.#pictured = url ? item : undefined;
    if (url === this.#url) return false;
    this.#url = url;
    this.#frame.classList.remove("decoded");
    this.#frame.classList.toggle("broken", url === null);
    const image = this.#image;
    if (!url) {
      image.removeAttribute("src");
      return true;
    }
    image.src = url;
    const settled = () => this.#url === url && this.#frame.classList.add("decoded");
    // Where the browser takes it from its memory at once it is painted with the card, not a frame later.
    if (image.complete) settled();
    else image.decode().then(settled, settled);
    return true;
  }
}

function describeSuspicion(label: string | null, suspected: string): string {
  return `${label === null ? "no label" : `labeled ${label}`}; its neighbors suggest ${suspected}`;
}

/** Set text and title of an element, unless they are that already. */
function write(element: HTMLElement, text: string, title: string): void {
  if (element.textContent !== text) element.textContent = text;
  if (element.title !== title) element.title = title;
}

/** Setting an attribute to what it is makes browsers look at the styles again, too. */
function setHidden(element: HTMLElement, hidden: boolean): void {
  if (element.hidden !== hidden) element.hidden = hidden;
}

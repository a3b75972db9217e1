/** The preview's side panel: all that is known of the item, and what it can be compared with. */

import type { Thumbnails } from "./cache";
import { h } from "./dom";
import { formatBytes, formatDistance, formatExact, formatPixels } from "./format";
import type { Details, Other } from "./protocol";

const ROLES: Record<Other["role"], string> = {
  keeper: "Keeper",
  duplicate: "Duplicate",
  selected: "Selected",
};
const NONE = "–";
const CHANGED =
  "The file has changed since the project read it. Run Project.from_folder again to read it anew.";

function formatTime(time: number | null): string {
  const date = new Date(time ?? Number.NaN);
  if (Number.isNaN(date.getTime())) return NONE;
  return date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

interface OtherButton {
  item: number;
  element: HTMLButtonElement;
  image: HTMLImageElement;
}

export class Facts {
  readonly element: HTMLElement;
  readonly #thumbnails: Thumbnails;
  readonly #onCompare: (item: number) => void;
  readonly #note = h("p", { class: "facts-note" });
  readonly #file = h("dl", {});
  readonly #metrics = h("dl", { "aria-label": "Metrics" });
  readonly #heading = h(
    "p",
    { class: "others-heading", "aria-hidden": "true", hidden: true },
    "Compare with",
  );
  readonly #others = h("ul", { class: "others", "aria-label": "Compare with", hidden: true });
  #buttons: OtherButton[] = [];
  #details: Details | undefined;

  /** @param onCompare Called with the item to show beside this one, or no longer to show. */
  constructor(thumbnails: Thumbnails, onCompare: (item: number) => void) {
    this.#thumbnails = thumbnails;
    this.#onCompare = onCompare;
    this.element = h(
      "div",
      { class: "facts", role: "region", "aria-label": "Details", tabindex: 0 },
      this.#note,
      this.#file,
      this.#heading,
      this.#others,
      this.#metrics,
    );
  }

  dispose(): void {
    this.#thumbnails.release(this);
  }

  /** @param compared The item shown beside this one. */
  show(details: Details | undefined, hasFailed: boolean, compared: number | undefined): void {
    this.#note.hidden = details !== undefined && !details.changed;
    this.#note.textContent = details?.changed ? CHANGED : hasFailed ? "No details" : "Loading details…";
    this.#note.classList.toggle("waiting", !details && !hasFailed);
    if (details !== this.#details) this.#fill(details);
    for (const { item, element, image } of this.#buttons) {
      element.setAttribute("aria-pressed", String(item === compared));
      const url = this.#thumbnails.url(item);
      if (!url) image.removeAttribute("src");
      else if (image.src !== url) image.src = url;
    }
    this.#thumbnails.want(
      this,
      this.#buttons.map(({ item }) => item),
    );
  }

  #fill(details: Details | undefined): void {
    const isSame = details?.item === this.#details?.item;
    this.#details = details;
    if (!isSame) this.element.scrollTop = 0;
    this.#file.replaceChildren(...(details ? factsOf(details) : []));
    this.#metrics.replaceChildren(...(details ? metricsOf(details) : []));
    // The button that has the focus keeps it when the same ones come anew.
    const root = this.element.getRootNode() as ShadowRoot | Document;
    const focused = this.#buttons.find(({ element }) => element === root.activeElement)?.item;
    this.#buttons = (details?.others ?? []).map((other) => this.#newButton(other));
    this.#others.replaceChildren(...this.#buttons.map(({ element }) => h("li", {}, element)));
    this.#heading.hidden = this.#buttons.length === 0;
    this.#others.hidden = this.#buttons.length === 0;
    if (focused === undefined) return;
    const again = this.#buttons.find(({ item }) => item === focused);
    (again?.element ?? this.element).focus({ preventScroll: true });
  }

  #newButton({ item, name, role, distance, reason }: Other): OtherButton {
    const image = h("img", { class: "other-image", alt: "", decoding: "sync", draggable: "false" });
    const element = h(
      "button",
      { type: "button", class: "other", title: name },
      h("span", { class: "other-frame" }, image),
      h("span", { class: "other-name", dir: "auto" }, name),
      h(
        "span",
        { class: "other-role", title: String(distance) },
        `${ROLES[role]} · ${formatDistance(distance)}`,
      ),
      h("span", { class: "other-reason" }, reason ?? ""),
    );
    element.addEventListener("click", () => this.#onCompare(item));
    return { item, element, image };
  }
}

type Row = readonly [name: string, value: HTMLElement];

const text = (value: string): HTMLElement => h("dd", { dir: "auto" }, value);
const number = (value: string): HTMLElement => h("dd", { class: "number" }, value);

function rowsOf(rows: readonly Row[]): HTMLElement[] {
  return rows.map(([name, value]) => h("div", {}, h("dt", { dir: "auto", title: name }, name), value));
}

function factsOf(details: Details): HTMLElement[] {
  const { path, width, height, bytes, modified, label, suspected, split, tags } = details;
  const chips = tags.map((tag) => h("span", { class: "tag", dir: "auto", title: tag }, tag));
  return rowsOf([
    ["Path", text(path)],
    ["Size", number(formatPixels(width, height))],
    ["File", number(formatBytes(bytes))],
    ["Modified", text(formatTime(modified))],
    ...(label ? [["Label", text(label)] as const] : []),
    ...(suspected ? [["Suggested label", text(suspected)] as const] : []),
    ...(split ? [["Split", text(split)] as const] : []),
    ["Tags", h("dd", { class: "tag-list" }, ...(chips.length ? chips : [NONE]))],
  ]);
}

function metricsOf({ metrics }: Details): HTMLElement[] {
  return rowsOf(metrics.map(([name, value]) => [name, number(value === null ? NONE : formatExact(value))]));
}

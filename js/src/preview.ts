/** One image at a time, large: stepping through the view, comparing, and all that is known of it. */

import { effect, type ReadonlySignal, signal } from "@preact/signals-core";
import { Comparison, type Subject } from "./comparison";
import { DetailsOf } from "./details";
import { h, icon } from "./dom";
import { Facts } from "./facts";
import { formatCount } from "./format";
import type { Picture } from "./layer";
import type { Part } from "./part";
import { LargeImages, sideFor } from "./pictures";
import { Place } from "./place";
import { PreviewBar } from "./previewbar";
import type { Details } from "./protocol";
import { Stage } from "./stage";
import type { Store } from "./store";

const PREVIOUS_ICON = "M10 2.5 4.5 8l5.5 5.5";
const NEXT_ICON = "M6 2.5 11.5 8 6 13.5";
/** What scrolls the panel when that has the focus. */
const SCROLL_KEYS = ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "];

export interface PreviewActions {
  /** Another view position is shown. */
  moved(position: number): void;
  closed(): void;
  /** The user wants to tag the selection. */
  tag(): void;
}

export class Preview implements Part {
  readonly element: HTMLElement;
  readonly #store: Store;
  readonly #actions: PreviewActions;
  readonly #isOpen = signal(false);
  readonly #place: Place;
  readonly #images: LargeImages;
  readonly #details: DetailsOf;
  readonly #comparison: Comparison;
  readonly #stage: Stage;
  readonly #bar: PreviewBar;
  readonly #facts: Facts;
  readonly #previous = stepButton("Previous image (←)", "previous", PREVIOUS_ICON);
  readonly #next = stepButton("Next image (→)", "next", NEXT_ICON);
  readonly #announcement = h("p", { class: "announcement", "aria-live": "polite" });
  readonly #stopEffect: () => void;
  #announced: number | undefined;
  /** What within the preview had the focus last. */
  #focused: Element | undefined;
  #frame = 0;

  constructor(store: Store, actions: PreviewActions) {
    this.#store = store;
    this.#actions = actions;
    this.#place = new Place(store);
    this.#images = new LargeImages(store);
    const schedule = () => {
      this.#frame ||= requestAnimationFrame(() => this.#update());
    };
    this.#details = new DetailsOf(store, schedule);
    this.#comparison = new Comparison(store, {
      changed: schedule,
      amplify: (times) => this.#stage.amplify(times),
    });
    const broken = (item: number, isLarge: boolean) =>
      isLarge ? this.#images.reject(item) : store.thumbnails.reject(item);
    this.#stage = new Stage({ changed: schedule, broken }, this.#comparison.captions, [
      this.#previous,
      this.#next,
    ]);
    this.#bar = new PreviewBar({
      back: () => this.close(),
      select: () => this.#toggleSelected(),
      similar: () => this.#showSimilar(),
      compare: () => this.#toggleCompare(),
      fit: () => this.#stage.fit(),
      actual: () => this.#stage.actual(),
      zoomBy: (steps) => this.#stage.zoomBy(steps),
      fullScreen: () => this.#toggleFullScreen(),
    });
    this.#facts = new Facts(store.thumbnails, (item) => this.#comparison.toggle(this.#details.value, item));
    this.#previous.addEventListener("click", () => this.#goTo(this.#place.position - 1));
    this.#next.addEventListener("click", () => this.#goTo(this.#place.position + 1));
    const main = h("div", { class: "preview-main" }, this.#comparison.bar, this.#stage.element);
    this.element = h(
      "div",
      { class: "preview", role: "dialog", hidden: true },
      this.#bar.element,
      h("div", { class: "preview-body" }, main, this.#facts.element),
      this.#announcement,
    );
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
    this.element.addEventListener("focusin", (event) => {
      this.#focused = event.target as Element;
    });
    this.element.addEventListener("focusout", schedule);
    const { traits, rows, thumbnails, client } = store;
    this.#stopEffect = effect(() => {
      if (!this.#isOpen.value) return;
      void [traits.epoch.value, traits.count.value, traits.revision.value, client.gone.value];
      void [rows.version.value, thumbnails.version.value];
      void [this.#images.version.value, this.#stage.percent.value];
      schedule();
    });
  }

  get isOpen(): ReadonlySignal<boolean> {
    return this.#isOpen;
  }

  /** Show the item at a view position. */
  open(position: number): void {
    if (this.#store.traits.count.value === 0) return;
    this.#place.open(position);
    this.#comparison.reset();
    this.#announced = undefined;
    this.element.hidden = false;
    this.#isOpen.value = true;
    this.#stage.fit();
    this.#update();
    this.focus();
  }

  focus(): void {
    this.#stage.element.focus({ preventScroll: true });
  }

  dispose(): void {
    this.#stopEffect();
    this.#letGo();
    cancelAnimationFrame(this.#frame);
    this.#images.dispose();
    this.#facts.dispose();
    this.#stage.dispose();
  }

  /** Go back to the images behind it. */
  close(): void {
    this.#isOpen.value = false;
    this.element.hidden = true;
    this.#letGo();
    if (this.#isFullScreen()) void document.exitFullscreen();
    this.#actions.closed();
  }

  /** Stop asking for anything. */
  #letGo(): void {
    this.#place.release();
    this.#comparison.reset();
    this.#details.want(undefined, "");
    this.#facts.show(undefined, false, undefined);
    this.#stage.show(undefined, undefined, false);
    this.#images.want(new Map());
    this.#store.thumbnails.release(this);
  }

  #goTo(position: number): void {
    if (!this.#place.goTo(position)) return;
    this.#comparison.reset();
    this.#stage.fit();
    this.#actions.moved(this.#place.position);
    this.#update();
  }

  /** Bring everything in line with what is known by now. */
  #update(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!this.#isOpen.value) return;
    const found = this.#place.update();
    if (found === "gone") {
      this.close();
      return;
    }
    if (found === "moved") this.#actions.moved(this.#place.position);
    this.#render();
  }

  #render(): void {
    const { epoch, revision, count } = this.#store.traits;
    const { row, position } = this.#place;
    const { other } = this.#comparison;
    const stamp = `${epoch.value}/${revision.value}`;
    this.#details.want(row?.id, stamp);
    const details = this.#details.value;
    this.#comparison.render(row, details, stamp, this.#stage.isComplete);
    this.#wantImages();
    this.#stage.show(
      row && this.#picture(row, details),
      other && this.#picture(other, this.#comparison.details),
      this.#comparison.isDifference,
    );
    this.#facts.show(details, this.#details.hasFailed, other?.id);
    const large = row && this.#images.at(row.id);
    this.#bar.show({
      position,
      count: count.value,
      row,
      other: other?.name ?? details?.others[0]?.name,
      isComparing: other !== undefined,
      percent: this.#stage.percent.value,
      shown: large && Math.max(large.width, large.height),
      full: large && Math.max(large.fullWidth, large.fullHeight),
    });
    this.#previous.disabled = position === 0;
    this.#next.disabled = position === count.value - 1;
    this.#announce();
    this.#keepFocus();
  }

  #announce(): void {
    const { row, position } = this.#place;
    if (!row || row.id === this.#announced) return;
    this.#announced = row.id;
    this.element.setAttribute("aria-label", `Preview of ${row.name}`);
    const count = formatCount(this.#store.traits.count.value);
    this.#announcement.textContent = `${row.name}, ${formatCount(position + 1)} of ${count}`;
  }

  /** Keys pressed on what has just been hidden or disabled would be lost; browsers take the focus off it, sooner or later. */
  #keepFocus(): void {
    const focused = this.#focused;
    if (!focused || !(focused.matches(":disabled") || focused.closest("[hidden]") || !focused.isConnected))
      return;
    const { activeElement } = this.element.getRootNode() as ShadowRoot | Document;
    if (activeElement === focused || (!activeElement && document.activeElement === document.body))
      this.focus();
  }

  /** What is looked at, and once that is here, what the user comes to next. */
  #wantImages(): void {
    const shown = [this.#place.row, this.#comparison.other].flatMap((subject) => subject?.id ?? []);
    // One that is here in full beside one that is not would differ from it by that alone.
    const sides = shown.map((item) => this.#images.at(item)?.side ?? 0);
    const side = Math.max(sideFor(this.#stage.pixels), ...sides);
    const near = this.#place.neighbors.flatMap((row) => row?.id ?? []);
    const isHere = shown.every((item) => this.#images.at(item) || this.#images.reason(item));
    const items = isHere ? [...shown, ...near.slice(0, 1)] : shown;
    this.#images.want(new Map(items.map((item) => [item, side])));
    this.#store.thumbnails.want(this, [...shown, ...near]);
  }

  #picture({ id, name }: Subject, details: Details | undefined): Picture {
    const large = this.#images.at(id);
    const width = large?.fullWidth ?? details?.width ?? 0;
    const height = large?.fullHeight ?? details?.height ?? 0;
    return {
      item: id,
      name,
      thumbnail: this.#store.thumbnails.url(id),
      large,
      reason: this.#images.reason(id),
      size: width > 0 && height > 0 ? { width, height } : undefined,
    };
  }

  #toggleCompare(): void {
    const details = this.#details.value;
    if (!this.#comparison.back()) this.#comparison.toggle(details, details?.others[0]?.item);
  }

  #toggleSelected(): void {
    const { row } = this.#place;
    if (row) this.#store.setSelected(row.id, !row.selected);
  }

  #showSimilar(): void {
    const { row } = this.#place;
    if (!row) return;
    this.close();
    this.#store.showSimilar(row.id);
  }

  async #tag(): Promise<void> {
    const { row } = this.#place;
    if (!row) return;
    // What was looked at before may still be selected, and is not what the user wants to tag now.
    if (!row.selected) this.#store.selectOnly(row.id);
    if (this.#isFullScreen()) await document.exitFullscreen(); // which hides the field
    this.#actions.tag();
  }

  #back(): void {
    if (this.#comparison.isDifference) this.#comparison.toggleDifference();
    else if (!this.#comparison.back()) this.close();
  }

  get #host(): Element | undefined {
    const root = this.element.getRootNode();
    return root instanceof ShadowRoot ? root.host : undefined;
  }

  #isFullScreen(): boolean {
    return this.#host !== undefined && document.fullscreenElement === this.#host;
  }

  #toggleFullScreen(): void {
    const change = this.#isFullScreen() ? document.exitFullscreen() : this.#host?.requestFullscreen();
    change?.catch((error: unknown) => this.#store.notify(`Full screen: ${error}`));
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const target = event.target as Element;
    if (target.matches("button, input") && (key === " " || key === "Enter")) return; // the control's own
    if (target === this.#facts.element && SCROLL_KEYS.includes(key)) return;
    if (!this.#act(key)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Do what a key is for; false when it is for nothing here. */
  #act(key: string): boolean {
    const { position } = this.#place;
    const isComparing = this.#comparison.other !== undefined;
    const keys: Record<string, () => void> = {
      ArrowLeft: () => this.#goTo(position - 1),
      ArrowRight: () => this.#goTo(position + 1),
      PageUp: () => this.#goTo(position - 1),
      PageDown: () => this.#goTo(position + 1),
      Home: () => this.#goTo(0),
      End: () => this.#goTo(this.#store.traits.count.value - 1),
      ArrowUp: () => this.#stepUpDown(isComparing, -1),
      ArrowDown: () => this.#stepUpDown(isComparing, 1),
      Escape: () => this.#back(),
      Enter: () => this.close(),
      " ": () => this.#toggleSelected(),
      "+": () => this.#stage.zoomBy(1),
      "=": () => this.#stage.zoomBy(1),
      "-": () => this.#stage.zoomBy(-1),
      "0": () => this.#stage.fit(),
      "1": () => this.#stage.actual(),
      s: () => this.#showSimilar(),
      t: () => void this.#tag(),
      c: () => this.#toggleCompare(),
      d: () => this.#comparison.toggleDifference(),
    };
    const act = keys[key];
    act?.();
    return act !== undefined;
  }

  #stepUpDown(isComparing: boolean, by: number): void {
    if (isComparing) this.#comparison.step(this.#details.value, by);
    else this.#goTo(this.#place.position + by);
  }
}

function stepButton(title: string, name: string, path: string): HTMLButtonElement {
  return h("button", { type: "button", class: `step ${name}`, title, "aria-label": title }, icon(path));
}

/** The virtualised grid of cards: its layout, what of it is shown, and where the focus is. */

import { effect } from "@preact/signals-core";
import { Band, type Bandable } from "./band";
import type { Card } from "./card";
import { CardRows } from "./cardrows";
import { click, doubleClick } from "./clicks";
import { h } from "./dom";
import { type GridActions, pressKey, SHORTCUTS } from "./keys";
import { Picker } from "./picking";
import { Scroller } from "./scroller";
import type { Store } from "./store";
import { isIn, type Layout, layoutGrid, maxTop, reveal, rowsNear, rowTop } from "./virtual";
import { Wishes } from "./wishes";

export type { GridActions };

const GAP = 12;
const CAPTION = 42;
/** After a change of order, what was shown stays for this long while the new rows are on their way: no flicker. */
const HOLD_MS = 200;
/** What is around the viewport waits for this long after a new order is shown: what is in it is painted that much sooner. */
const SETTLE_MS = 100;
/** How far from its old place the active item is looked for in a new order. */
const NEARBY = 128;

/** A place in the grid: virtual offset of the viewport's top edge, and the active view position. */
interface Place {
  top: number;
  active: number;
}

export class Grid {
  readonly element: HTMLElement;
  readonly #store: Store;
  readonly #actions: GridActions;
  readonly #viewport: HTMLElement;
  readonly #spacer = h("div", { role: "presentation", class: "spacer" });
  readonly #rows: CardRows;
  readonly #scroller: Scroller;
  readonly #band: Band;
  readonly #picker: Picker;
  readonly #wishes: Wishes;
  readonly #resize: ResizeObserver;
  readonly #stopEffect: () => void;
  #layout: Layout | undefined;
  #width = 0;
  #height = 0;
  /** The height at which nothing would have to be scrolled. */
  #needed = 0;
  /** View position that has the focus, or gets it when the user tabs into the grid. */
  #active = 0;
  /** The item there when it was last shown, and the one to be found anew in an order that has only been ranked anew. */
  #activeItem: number | undefined;
  #followed: number | undefined;
  #tabStop: Card | undefined;
  #frame = 0;
  /** Whether more has changed since the last frame than how far the grid is scrolled. */
  #isStale = true;
  #holdUntil = 0;
  #holdTimer: ReturnType<typeof setTimeout> | undefined;
  /** Whether a new order is shown, or about to be, and nothing yet around the viewport. */
  #isSettling = false;
  #settleTimer: ReturnType<typeof setTimeout> | undefined;
  /** Where to go once the rows of a new order are shown. */
  #goal: Place | undefined;
  /** The position that was kept at the top when the cells changed in size, and the offset that this gave. */
  #held: { position: number; top: number } | undefined;
  #epoch = -1;
  #query = "";
  /** What makes the order: where it changes, the user is taken to the start. */
  #order = "";
  /** Where the user was before looking at similar items. */
  #before: Place | undefined;

  constructor(store: Store, actions: GridActions) {
    this.#store = store;
    this.#actions = actions;
    this.#viewport = h(
      "div",
      {
        role: "grid",
        class: "viewport",
        tabindex: -1,
        "aria-label": "Images",
        "aria-multiselectable": "true",
        "aria-keyshortcuts": SHORTCUTS,
      },
      this.#spacer,
    );
    this.element = this.#viewport;
    this.#viewport.style.setProperty("--gap", `${GAP}px`);
    this.#viewport.style.setProperty("--caption", `${CAPTION}px`);
    this.#rows = new CardRows(store, this.#spacer);
    this.#picker = new Picker(store);
    this.#wishes = new Wishes(store, () => this.#schedule());
    this.#scroller = new Scroller(
      this.#viewport,
      () => this.#schedule(),
      () => this.#onRest(),
    );
    this.#band = new Band(this.#viewport, this.#asBandable());
    this.#spacer.append(this.#band.element);
    this.#viewport.addEventListener("click", (event) => click(event, this.#clicked(event)));
    this.#viewport.addEventListener("dblclick", (event) => doubleClick(event, this.#clicked(event)));
    this.#viewport.addEventListener("keydown", (event) => this.#onKey(event));
    this.#viewport.addEventListener("focusin", (event) => this.#onFocus(event));
    this.#resize = new ResizeObserver(() => this.#onResize());
    this.#resize.observe(this.#viewport);
    const { traits, rows, thumbnails, groups } = store;
    this.#stopEffect = effect(() => {
      const { epoch, count, total, thumbnail_size, value_name, mode } = traits;
      void [epoch.value, count.value, total.value, thumbnail_size.value, value_name.value, mode.value];
      void [rows.version.value, thumbnails.version.value, groups.sizes.value];
      this.#isStale = true;
      this.#schedule();
    });
  }

  /** Make a view position the active one and scroll it into view. */
  activate(position: number): void {
    if (!this.#layout || position < 0 || position >= this.#layout.count) return;
    this.#active = position;
    this.#scroller.take(this.#layout);
    this.#scroller.moveTo(this.#layout, reveal(this.#layout, this.#scroller.top, position));
    this.#draw();
  }

  /** Give the focus to the active card. */
  focusActive(): void {
    this.#focusOn(this.#active);
  }

  dispose(): void {
    this.#stopEffect();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#holdTimer);
    clearTimeout(this.#settleTimer);
    this.#resize.disconnect();
    this.#scroller.dispose();
    this.#band.dispose();
    this.#wishes.dispose();
  }

  #schedule(): void {
    this.#frame ||= requestAnimationFrame(() => this.#update());
  }

  #update(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#scroller.take(this.#layout);
    if (this.#isNewOrder) this.#onNewOrder();
    if (this.#isStale) this.#relayout();
    else this.#draw();
  }

  get #isNewOrder(): boolean {
    return this.#store.traits.epoch.value !== this.#epoch;
  }

  #onNewOrder(): void {
    const { epoch, mode, sort, query_label, filter_label } = this.#store.traits;
    const isFirst = this.#epoch === -1;
    const query = query_label.value;
    const order = JSON.stringify([mode.value, sort.value, query, filter_label.value]);
    const isOther = order !== this.#order;
    const here = this.#goal ?? { top: this.#scroller.top, active: this.#active };
    if (query && !this.#query) this.#before = here;
    const back = !query && this.#query ? this.#before : undefined;
    this.#epoch = epoch.value;
    this.#query = query;
    this.#order = order;
    this.#picker.forget();
    this.#band.abandon();
    this.#wishes.forget();
    if (isFirst) return;
    // Where nothing but ranks has changed, by another keeper for instance, the user stays in place.
    if (isOther) this.#goal = back ?? { top: 0, active: 0 };
    this.#followed = isOther ? undefined : this.#activeItem;
    this.#holdUntil = performance.now() + HOLD_MS;
    clearTimeout(this.#holdTimer);
    this.#holdTimer = setTimeout(() => this.#schedule(), HOLD_MS);
    this.#isSettling = true;
    clearTimeout(this.#settleTimer);
    this.#settleTimer = undefined;
  }

  /** The layout as it is to be; `undefined` while it is not known how large the groups are. */
  #plan(known: Layout | undefined): Layout | undefined {
    const { count, mode } = this.#store.traits;
    if (mode.value !== "groups" || count.value === 0) return this.#lay(undefined, known);
    const groups = this.#store.groups.sizes.value;
    return groups && this.#lay(groups, known);
  }

  #lay(groups?: Int32Array, known?: Layout, count = this.#store.traits.count.value): Layout {
    const size = this.#store.traits.thumbnail_size.value;
    const shape = { width: this.#width, height: this.#height, gap: GAP, caption: CAPTION };
    return layoutGrid({ ...shape, count, size, groups }, known);
  }

  /**
   * Make the viewport as high as all images of the project need, as far as it may be: what is around it stays in its
   * place when fewer of them are in view.
   *
   * @returns Whether its size had to be looked at.
   */
  #fit({ content }: Layout): boolean {
    const before = this.#needed;
    this.#needed = Math.max(content, this.#lay(undefined, undefined, this.#store.traits.total.value).content);
    if (this.#needed === before) return false;
    this.#viewport.style.height = `min(${this.#needed}px, var(--simwidget-grid-height, 560px))`;
    // To ask for its size makes the browser lay out the page at once: not where it is as high as may be, and stays so.
    if (Math.min(before, this.#needed) > this.#height) return false;
    this.#measure();
    return true;
  }

  /** Whether what was shown stays for the moment, because what comes in its place is not here yet. */
  #isOnHold(layout: Layout | undefined): boolean {
    const known = layout ?? this.#layout ?? this.#lay();
    const top = Math.min(this.#goal?.top ?? this.#scroller.top, maxTop(known));
    const inView = rowsNear(known, top, 0);
    const isOver = performance.now() >= this.#holdUntil;
    if (!layout || !isOver) this.#wishes.rows(known, inView);
    if (!layout || isOver) return !isOver;
    const { arrangement } = layout;
    for (let at = arrangement.first(inView.first); at < arrangement.first(inView.stop); at++) {
      if (!this.#store.rows.at(at)) return true;
    }
    return false;
  }

  /** Fit the layout to the viewport, the number of items and the size of the cards. */
  #relayout(): void {
    if (this.#width === 0) this.#measure();
    if (this.#width === 0) return; // not shown, for instance in a collapsed cell
    let layout = this.#plan(this.#layout);
    if (this.#isOnHold(layout)) return;
    this.#holdUntil = 0;
    this.#isStale = false;
    const before = this.#layout;
    if (layout) {
      if (layout.spacer !== before?.spacer) this.#spacer.style.height = `${layout.spacer}px`;
      if (this.#fit(layout)) layout = this.#plan(layout);
    }
    this.#layout = layout;
    if (layout) this.#apply(layout, before);
    this.#draw(true);
  }

  #apply(layout: Layout, before: Layout | undefined): void {
    this.#viewport.style.setProperty("--cell", `${layout.cell}px`);
    this.#viewport.setAttribute("aria-rowcount", String(layout.rows));
    this.#viewport.setAttribute("aria-colcount", String(layout.columns));
    let top = this.#goal?.top ?? this.#scroller.top;
    let held: number | undefined;
    const isResized = before?.columns !== layout.columns || before.rowHeight !== layout.rowHeight;
    if (before && isResized && !this.#goal && top > 0) {
      // Keep the item at the top where it is while cards grow, shrink or change places.
      const row = Math.max(0, (top - GAP) / before.rowHeight);
      // Where it has only been resized since, by the same item, or the first of its row would take its place each time.
      const first = this.#held?.top === top ? this.#held.position : before.arrangement.first(Math.floor(row));
      const position = Math.max(0, Math.min(first, layout.count - 1));
      top = rowTop(layout, layout.arrangement.rowOf(position) + (row % 1));
      held = position;
    }
    this.#active = Math.max(0, Math.min(this.#goal?.active ?? this.#activeOf(layout), layout.count - 1));
    this.#followed = undefined;
    // While the user scrolls and rows arrive, the scroll offset is left alone.
    const isSame = before?.content === layout.content && before.viewport === layout.viewport;
    if (this.#goal || isResized || !isSame) this.#scroller.moveTo(layout, top);
    if (held !== undefined) this.#held = { position: held, top: this.#scroller.top };
    this.#goal = undefined;
  }

  /** Where the active item is now; it may have changed places within its group. */
  #activeOf({ count }: Layout): number {
    if (this.#followed === undefined) return this.#active;
    const stop = Math.min(count, this.#active + NEARBY);
    for (let position = Math.max(0, this.#active - NEARBY); position < stop; position++) {
      if (this.#store.rows.at(position)?.id === this.#followed) return position;
    }
    return this.#active;
  }

  #measure(): void {
    this.#width = this.#viewport.clientWidth;
    this.#height = this.#viewport.clientHeight;
  }

  #onResize(): void {
    const [width, height] = [this.#width, this.#height];
    this.#measure();
    if (width === this.#width && height === this.#height) return;
    if (width === 0) this.#scroller.restore();
    this.#isStale = true;
    this.#update();
  }

  /** The wheel moves what is shown further than the scrollbar says, or less far: make them agree again. */
  #onRest(): void {
    this.#scroller.take(this.#layout);
    if (!this.#layout || this.#layout.scale === 1) return;
    this.#scroller.moveTo(this.#layout, this.#scroller.top);
    this.#draw();
  }

  /**
   * Show the rows near the viewport, and ask for what they need.
   *
   * @param isWhole Fill all cards anew; otherwise only those that come near.
   */
  #draw(isWhole = false): void {
    const layout = this.#layout;
    if (this.#isNewOrder || performance.now() < this.#holdUntil) return;
    const focused = this.#focused();
    if (!layout) {
      this.#rows.clear();
      this.#tabStop = undefined;
      if (focused) this.#viewport.focus({ preventScroll: true });
      return;
    }
    const { top, shift } = this.#scroller;
    const near = rowsNear(layout, top, layout.viewport);
    const inView = rowsNear(layout, top, 0);
    // The focused row stays, wherever it is scrolled to: with its element gone the focus would be lost. And one that is
    // about to get the focus does not wait.
    const active = layout.count > 0 ? layout.arrangement.rowOf(this.#active) : undefined;
    const kept = active !== undefined && (focused || isIn(inView, active)) ? active : undefined;
    this.#activeItem = this.#store.rows.at(this.#active)?.id ?? this.#activeItem;
    const isComplete = this.#rows.draw({
      layout,
      inView,
      near,
      kept,
      shift,
      isWhole,
      isSettling: this.#isSettling,
    });
    if (this.#isSettling) this.#settleTimer ??= setTimeout(() => this.#settle(), SETTLE_MS);
    else if (!isComplete) this.#schedule();
    this.#moveTabStop(layout, inView.first);
    if (focused) this.#keepFocus(layout, focused);
    this.#wishes.ask(layout, inView, this.#isSettling ? inView : near);
  }

  #settle(): void {
    this.#isSettling = false;
    this.#settleTimer = undefined;
    this.#schedule();
  }

  #moveTabStop(layout: Layout, firstInView: number): void {
    const first = layout.arrangement.first(firstInView);
    const stop = this.#rows.at(layout, this.#active) ?? this.#rows.at(layout, first);
    if (stop === this.#tabStop) return;
    if (this.#tabStop) this.#tabStop.element.tabIndex = -1;
    if (stop) stop.element.tabIndex = 0;
    this.#tabStop = stop;
  }

  /** The element within the grid, or the grid itself, that has the focus. */
  #focused(): Element | null {
    const root = this.#viewport.getRootNode() as ShadowRoot | Document;
    return this.#viewport.contains(root.activeElement) ? root.activeElement : null;
  }

  /** What had the focus may be gone, or show another item than the active one. */
  #keepFocus(layout: Layout, focused: Element): void {
    if (focused === this.#viewport) return;
    if (focused.isConnected && this.#rows.of(focused)?.position === this.#active && layout.count > 0) return;
    const card = this.#rows.at(layout, this.#active)?.element;
    (card ?? this.#viewport).focus({ preventScroll: true });
  }

  #focusOn(position: number): void {
    this.activate(position);
    const card = this.#layout && this.#rows.at(this.#layout, position)?.element;
    (card ?? this.#viewport).focus({ preventScroll: true });
  }

  #onFocus(event: Event): void {
    const position = this.#rows.of(event.target as Element)?.position;
    if (position === undefined || position === this.#active) return;
    this.#active = position;
    this.#draw();
  }

  #clicked(event: MouseEvent) {
    const card = this.#rows.of(event.target as Element);
    return { store: this.#store, picker: this.#picker, actions: this.#actions, card };
  }

  #onKey(event: KeyboardEvent): void {
    const layout = this.#layout;
    if (!layout || layout.count === 0 || event.altKey) return;
    pressKey(event, {
      store: this.#store,
      picker: this.#picker,
      actions: this.#actions,
      layout,
      active: this.#active,
      focusOn: (position) => this.#focusOn(position),
    });
  }

  #asBandable(): Bandable {
    return {
      look: () => ({ layout: this.#layout, top: this.#scroller.top, shift: this.#scroller.shift }),
      scrollBy: (pixels) => {
        if (!this.#layout) return;
        this.#scroller.take(this.#layout);
        this.#scroller.moveTo(this.#layout, this.#scroller.top + pixels);
        this.#draw();
      },
      mark: (ranges) => this.#rows.mark(ranges),
      select: (ranges, replace) => this.#picker.ranges(ranges, replace),
    };
  }
}

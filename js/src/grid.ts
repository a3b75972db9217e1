/** The virtualised grid of cards: which rows exist, where the focus is, what clicks and keys do. */

import { effect } from "@preact/signals-core";
import { Card } from "./card";
import { h } from "./dom";
import type { Store } from "./store";
import { type Layout, layoutGrid, moveBy, reveal, rowsNear, rowTop, toScroll, toVirtual } from "./virtual";

const GAP = 12;
const CAPTION = 42;
/** After a change of order, what was shown stays for this long while the new rows are on their way: no flicker. */
const HOLD_MS = 200;

type RowRange = ReturnType<typeof rowsNear>;

interface GridRow {
  element: HTMLElement;
  cards: Card[];
}

export class Grid {
  readonly element: HTMLElement;
  readonly #store: Store;
  readonly #viewport: HTMLElement;
  readonly #spacer = h("div", { role: "presentation", class: "spacer" });
  readonly #rows = new Map<number, GridRow>();
  readonly #cards = new WeakMap<Element, Card>();
  readonly #resize: ResizeObserver;
  readonly #stopEffect: () => void;
  #layout: Layout | undefined;
  /** Virtual offset of the viewport's top edge, and the browser's scroll offset that stands for it. */
  #top = 0;
  #scrollTop = 0;
  /** View position that has the focus, or gets it when the user tabs into the grid. */
  #active = 0;
  /** View position from which Shift extends the selection. */
  #anchor: number | undefined;
  #frame = 0;
  #holdUntil = 0;
  #holdTimer: ReturnType<typeof setTimeout> | undefined;
  #epoch = -1;
  #query = "";
  /** Where the user was before looking at similar items. */
  #before: { top: number; active: number } | undefined;

  constructor(store: Store) {
    this.#store = store;
    this.#viewport = h(
      "div",
      {
        role: "grid",
        class: "viewport",
        tabindex: -1,
        "aria-label": "Images",
        "aria-multiselectable": "true",
      },
      this.#spacer,
    );
    this.element = this.#viewport;
    this.#viewport.style.setProperty("--gap", `${GAP}px`);
    this.#viewport.style.setProperty("--caption", `${CAPTION}px`);
    this.#viewport.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    this.#viewport.addEventListener("click", (event) => this.#onClick(event));
    this.#viewport.addEventListener("keydown", (event) => this.#onKey(event));
    this.#viewport.addEventListener("focusin", (event) => this.#onFocus(event));
    this.#resize = new ResizeObserver(() => this.#relayout());
    this.#resize.observe(this.#viewport);
    const { traits, rows, thumbnails } = store;
    this.#stopEffect = effect(() => {
      const { epoch, count, thumbnail_size, query_label, value_name } = traits;
      void [epoch.value, count.value, thumbnail_size.value, query_label.value, value_name.value];
      void [rows.version.value, thumbnails.version.value];
      this.#frame ||= requestAnimationFrame(() => this.#update());
    });
  }

  dispose(): void {
    this.#stopEffect();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#holdTimer);
    this.#resize.disconnect();
    this.#store.rows.release(this);
    this.#store.thumbnails.release(this);
  }

  #update(): void {
    this.#frame = 0;
    const { traits } = this.#store;
    if (traits.epoch.value !== this.#epoch) this.#onNewOrder(traits.epoch.value, traits.query_label.value);
    this.#relayout();
  }

  #onNewOrder(epoch: number, query: string): void {
    const isFirst = this.#epoch === -1;
    const here = { top: this.#top, active: this.#active };
    if (query && !this.#query) this.#before = here;
    const back = !query && this.#query ? this.#before : undefined;
    this.#epoch = epoch;
    this.#query = query;
    this.#active = back?.active ?? 0;
    this.#anchor = undefined;
    if (isFirst) return;
    this.#top = back?.top ?? 0;
    this.#holdUntil = performance.now() + HOLD_MS;
    clearTimeout(this.#holdTimer);
    this.#holdTimer = setTimeout(() => this.#render(), HOLD_MS);
  }

  /** Fit the layout to the viewport, the number of items and the size of the cards. */
  #relayout(): void {
    const width = this.#viewport.clientWidth;
    if (width === 0) return; // not shown, for instance in a collapsed cell
    const { count, thumbnail_size } = this.#store.traits;
    const size = { count: count.value, width, size: thumbnail_size.value, gap: GAP, caption: CAPTION };
    const before = this.#layout;
    const { content } = layoutGrid({ ...size, height: 0 });
    this.#viewport.style.setProperty("--content", `${content}px`);
    const layout = layoutGrid({ ...size, height: this.#viewport.clientHeight });
    this.#layout = layout;
    this.#spacer.style.height = `${layout.spacer}px`;
    this.#viewport.style.setProperty("--cell", `${layout.cell}px`);
    this.#viewport.setAttribute("aria-rowcount", String(layout.rows));
    this.#viewport.setAttribute("aria-colcount", String(layout.columns));
    this.#active = Math.max(0, Math.min(this.#active, count.value - 1));
    if (before && (before.columns !== layout.columns || before.rowHeight !== layout.rowHeight)) {
      // Keep the item at the top where it is while cards grow, shrink or change places.
      const row = Math.max(0, (this.#top - GAP) / before.rowHeight);
      const index = Math.floor(row) * before.columns;
      if (this.#top > 0) this.#top = rowTop(layout, Math.floor(index / layout.columns) + (row % 1));
    }
    this.#scrollTo(this.#top);
    this.#render();
  }

  #scrollTo(top: number): void {
    if (!this.#layout) return;
    this.#viewport.scrollTop = toScroll(this.#layout, top);
    this.#scrollTop = this.#viewport.scrollTop; // browsers round
    this.#top = toVirtual(this.#layout, toScroll(this.#layout, top));
  }

  #onScroll(): void {
    const { scrollTop } = this.#viewport;
    if (!this.#layout || scrollTop === this.#scrollTop) return; // our own doing
    this.#scrollTop = scrollTop;
    this.#top = toVirtual(this.#layout, scrollTop);
    this.#render();
  }

  /** Show the rows near the viewport, and ask for what they need. */
  #render(): void {
    const layout = this.#layout;
    if (!layout) return;
    const { rows, thumbnails } = this.#store;
    const near = rowsNear(layout, this.#top, layout.viewport);
    const inView = rowsNear(layout, this.#top, 0);
    const activeRow = Math.floor(this.#active / layout.columns);
    const hadFocus = this.#hasFocus();
    const needed = new Set<number>();
    for (let row = near.first; row < near.stop; row++) needed.add(row);
    // The focused row stays, wherever it is scrolled to: with its element gone the focus would be lost.
    if (hadFocus && activeRow < layout.rows) needed.add(activeRow);

    this.#recycle(needed, layout);
    for (const [row, { element, cards }] of this.#rows) {
      const y = rowTop(layout, row) - this.#top + this.#scrollTop;
      element.style.transform = `translateY(${y}px)`;
      element.setAttribute("aria-rowindex", String(row + 1));
      cards.forEach((card, column) => {
        this.#fill(card, row * layout.columns + column, column, layout);
      });
    }
    const tabStop = needed.has(activeRow) ? this.#active : inView.first * layout.columns;
    for (const { cards } of this.#rows.values()) {
      for (const card of cards) card.element.tabIndex = card.position === tabStop ? 0 : -1;
    }
    if (hadFocus && layout.count === 0) this.#viewport.focus({ preventScroll: true });
    else if (hadFocus && !this.#hasFocus())
      this.#cardAt(this.#active)?.element.focus({ preventScroll: true });

    rows.want(this, near.first * layout.columns, Math.min(layout.count, near.stop * layout.columns));
    thumbnails.want(this, this.#itemsByUrgency(layout, inView, near));
  }

  #fill(card: Card, index: number, column: number, layout: Layout): void {
    const { rows, thumbnails, traits } = this.#store;
    const position = index < layout.count ? index : undefined;
    const row = position === undefined ? undefined : rows.at(position);
    if (position !== undefined && !row && performance.now() < this.#holdUntil) {
      card.position = position;
      card.element.hidden = false;
      return;
    }
    const url = row && thumbnails.url(row.id);
    card.show({ position, column, row, url, valueName: traits.value_name.value });
  }

  /** Make `#rows` hold exactly the rows needed, out of the elements at hand. */
  #recycle(needed: ReadonlySet<number>, layout: Layout): void {
    const spare: GridRow[] = [];
    for (const [row, view] of this.#rows) {
      if (needed.has(row) && view.cards.length === layout.columns) continue;
      this.#rows.delete(row);
      if (view.cards.length === layout.columns) spare.push(view);
      else view.element.remove();
    }
    for (const row of needed) {
      if (!this.#rows.has(row)) this.#rows.set(row, spare.pop() ?? this.#newRow(layout.columns));
    }
    for (const { element } of spare) element.remove();
  }

  #newRow(columns: number): GridRow {
    const cards = Array.from(
      { length: columns },
      () => new Card((item) => this.#store.thumbnails.reject(item)),
    );
    for (const card of cards) this.#cards.set(card.element, card);
    const element = h("div", { role: "row", class: "row" }, ...cards.map((card) => card.element));
    this.#spacer.append(element);
    return { element, cards };
  }

  #itemsByUrgency({ columns, count }: Layout, inView: RowRange, near: RowRange): number[] {
    const items: number[] = [];
    const add = (first: number, stop: number) => {
      for (let position = first * columns; position < Math.min(count, stop * columns); position++) {
        const row = this.#store.rows.at(position);
        if (row) items.push(row.id);
      }
    };
    add(inView.first, inView.stop);
    add(inView.stop, near.stop);
    add(near.first, inView.first);
    return items;
  }

  #hasFocus(): boolean {
    const root = this.#viewport.getRootNode() as ShadowRoot | Document;
    return root.activeElement !== null && this.#viewport.contains(root.activeElement);
  }

  #cardAt(position: number): Card | undefined {
    const columns = this.#layout?.columns ?? 1;
    return this.#rows.get(Math.floor(position / columns))?.cards[position % columns];
  }

  #cardOf(event: Event): Card | undefined {
    const cell = (event.target as Element).closest("[role=gridcell]");
    return cell ? this.#cards.get(cell) : undefined;
  }

  #focusOn(position: number): void {
    if (!this.#layout) return;
    this.#active = position;
    this.#scrollTo(reveal(this.#layout, this.#top, position));
    this.#render();
    this.#cardAt(position)?.element.focus({ preventScroll: true });
  }

  #onFocus(event: Event): void {
    const position = this.#cardOf(event)?.position;
    if (position === undefined || position === this.#active) return;
    this.#active = position;
    this.#render();
  }

  #onClick(event: MouseEvent): void {
    const card = this.#cardOf(event);
    if (card?.position === undefined) return;
    const row = this.#store.rows.at(card.position);
    if (!row) return;
    if ((event.target as Element).closest(".similar")) {
      card.element.focus({ preventScroll: true });
      this.#store.showSimilar(row.id);
    } else {
      this.#pick(card.position, event.shiftKey);
    }
  }

  #pick(position: number, extend: boolean): void {
    const row = this.#store.rows.at(position);
    if (!row) return;
    if (extend && this.#anchor !== undefined) this.#store.selectRange(this.#anchor, position);
    else this.#store.setSelected(row.id, !row.selected);
    this.#anchor = position;
    this.#render();
  }

  #onKey(event: KeyboardEvent): void {
    const layout = this.#layout;
    if (!layout || layout.count === 0 || event.altKey) return;
    const ctrl = event.ctrlKey || event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const onControl = (event.target as Element).matches("button, input");
    const row = this.#store.rows.at(this.#active);
    const target = moveBy(layout, this.#active, key, ctrl);
    if (target !== undefined) this.#focusOn(target);
    else if (key === "a" && ctrl) this.#store.selectView("all");
    else if (key === "s" && !ctrl && row) this.#store.showSimilar(row.id);
    else if (key === " " && !onControl) this.#pick(this.#active, event.shiftKey);
    else return;
    event.preventDefault();
  }
}

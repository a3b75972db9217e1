/** The rows of cards that are on the page: made, recycled, put in their places and filled. */

import { Card } from "./card";
import { h } from "./dom";
import { isWithin, type Range } from "./ranges";
import type { Store } from "./store";
import { isIn, type Layout, type RowRange, rowTop } from "./virtual";

/** Once so many cards have changed in a frame the other rows wait for the next, so that none takes long. */
const CARDS_A_FRAME = 8;
/** For rows that show nothing for the moment. */
const NOWHERE = "translateY(-100000px)";

interface CardRow {
  element: HTMLElement;
  cards: Card[];
}

export interface Drawing {
  readonly layout: Layout;
  readonly inView: RowRange;
  readonly near: RowRange;
  /** A row that stays, wherever it is, and does not wait. */
  readonly kept: number | undefined;
  /** What is to be added to a virtual offset to get one within the spacer. */
  readonly shift: number;
  /** Fill all cards; otherwise only those that come near the viewport. */
  readonly isWhole: boolean;
  /** Fill the cards in view, however many, and leave the others as they are for now. */
  readonly isSettling: boolean;
}

export class CardRows {
  readonly #store: Store;
  readonly #spacer: HTMLElement;
  readonly #rows = new Map<number, CardRow>();
  readonly #cards = new WeakMap<Element, Card>();
  #spare: CardRow[] = [];
  /** Rows that still show what is no longer so. */
  readonly #stale = new Set<number>();
  #marked: readonly Range[] = [];
  #drawn: Drawing | undefined;
  #isComplete = false;

  /** @param spacer The element that the rows are put into. */
  constructor(store: Store, spacer: HTMLElement) {
    this.#store = store;
    this.#spacer = spacer;
  }

  /**
   * Make the page hold the rows that are needed.
   *
   * @returns Whether all of them are there; otherwise it is to be called again in the next frame.
   */
  draw(drawing: Drawing): boolean {
    const { layout, inView, near, kept, shift, isWhole, isSettling } = drawing;
    const before = this.#drawn;
    const isMoved = before?.shift !== shift;
    const isSame =
      before?.near.first === near.first && before.near.stop === near.stop && before.kept === kept;
    if (this.#isComplete && isSame && !isMoved && !isWhole) return true;
    this.#drawn = drawing;
    this.#release(drawing);
    this.#isComplete = true;
    let budget = CARDS_A_FRAME;
    for (const row of byUrgency(drawing)) {
      const known = this.#rows.get(row);
      const isFresh = known !== undefined && !isWhole && !this.#stale.has(row);
      const isFull = isSettling ? !isIn(inView, row) : budget <= 0;
      const waits = !isFresh && row !== kept && isFull;
      if (waits) this.#isComplete = false;
      if (waits && !known) continue;
      const view = known ?? this.#take(row, layout.columns);
      if (waits) this.#stale.add(row);
      else if (!isFresh) budget -= this.#fill(view, row, layout);
      if (!known || isWhole || isMoved) {
        view.element.style.transform = `translateY(${rowTop(layout, row) + shift}px)`;
      }
    }
    for (const { element } of this.#spare) {
      if (this.#isComplete) element.remove();
      else element.style.transform = NOWHERE;
    }
    if (this.#isComplete) this.#spare = [];
    return this.#isComplete;
  }

  /** Show nothing. */
  clear(): void {
    for (const { element } of [...this.#rows.values(), ...this.#spare]) element.remove();
    this.#rows.clear();
    this.#stale.clear();
    this.#spare = [];
    this.#drawn = undefined;
  }

  /** The card that shows a view position, if one does. */
  at({ arrangement, count }: Layout, position: number): Card | undefined {
    if (position >= count) return undefined;
    const row = arrangement.rowOf(position);
    return this.#rows.get(row)?.cards[position - arrangement.first(row)];
  }

  /** The card that an element is a part of. */
  of(element: Element | null | undefined): Card | undefined {
    const cell = element?.closest("[role=gridcell]");
    return cell ? this.#cards.get(cell) : undefined;
  }

  /** Show which cards are under the rubber band. */
  mark(ranges: readonly Range[]): void {
    this.#marked = ranges;
    for (const { cards } of this.#rows.values()) for (const card of cards) this.#markCard(card);
  }

  #markCard(card: Card): void {
    card.mark(card.position !== undefined && isWithin(this.#marked, card.position));
  }

  /** Set the rows aside that are not needed where they are. */
  #release({ layout, near, kept }: Drawing): void {
    for (const [row, view] of this.#rows) {
      if (view.cards.length === layout.columns && (isIn(near, row) || row === kept)) continue;
      this.#rows.delete(row);
      this.#stale.delete(row);
      this.#spare.push(view);
    }
  }

  #take(row: number, columns: number): CardRow {
    const at = this.#spare.findIndex(({ cards }) => cards.length === columns);
    const view = (at >= 0 && this.#spare.splice(at, 1)[0]) || this.#make(columns);
    this.#rows.set(row, view);
    return view;
  }

  #make(columns: number): CardRow {
    const cards = Array.from({ length: columns }, (_, column) => new Card(column));
    for (const card of cards) this.#cards.set(card.element, card);
    const element = h("div", { role: "row", class: "row" }, ...cards.map((card) => card.element));
    this.#spacer.append(element);
    return { element, cards };
  }

  /** @returns How many cards have changed. */
  #fill({ element, cards }: CardRow, row: number, { arrangement }: Layout): number {
    this.#stale.delete(row);
    const { rows, thumbnails, traits } = this.#store;
    const valueName = traits.value_name.value;
    const isGrouped = arrangement.groups !== undefined;
    const start = arrangement.first(row);
    const stop = arrangement.first(row + 1);
    element.setAttribute("aria-rowindex", String(row + 1));
    element.classList.toggle("apart", row > 0 && arrangement.startsGroup(row));
    let changed = 0;
    cards.forEach((card, column) => {
      const position = start + column < stop ? start + column : undefined;
      const content = position === undefined ? undefined : rows.at(position);
      const url = content && thumbnails.decoded(content.id);
      if (card.show({ position, row: content, url, valueName, isGrouped })) changed++;
      this.#markCard(card);
    });
    return changed;
  }
}

function* byUrgency({ inView, near, kept }: Drawing): Generator<number> {
  if (kept !== undefined && !isIn(near, kept)) yield kept;
  for (let row = inView.first; row < inView.stop; row++) yield row;
  for (let row = inView.stop; row < near.stop; row++) yield row;
  for (let row = inView.first - 1; row >= near.first; row--) yield row;
}

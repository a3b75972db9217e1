/** Which item of the view is previewed: steps through the view, and follows the item through a new order. */

import type { Row } from "./protocol";
import type { Store } from "./store";

/** How far around its old place an item is looked for in a new order. */
const SEARCH = 128;

export class Place {
  readonly #store: Store;
  #position = 0;
  #direction: 1 | -1 = 1;
  #row: Row | undefined;
  #epoch = 0;
  /** Whether the order has changed and the item has not been found in the new one yet. */
  #isLost = false;

  constructor(store: Store) {
    this.#store = store;
  }

  get position(): number {
    return this.#position;
  }

  /** The item; `undefined` while it is on its way. */
  get row(): Row | undefined {
    return this.#row;
  }

  /** The item that the user comes to next, and the one before. */
  get neighbors(): readonly [Row | undefined, Row | undefined] {
    const { rows } = this.#store;
    return [rows.at(this.#position + this.#direction), rows.at(this.#position - this.#direction)];
  }

  open(position: number): void {
    this.#position = -1;
    this.#epoch = this.#store.traits.epoch.value;
    this.goTo(position);
  }

  /** Go to a view position, or the nearest there is; false when that is where we are. */
  goTo(position: number): boolean {
    const target = Math.max(0, Math.min(this.#store.traits.count.value - 1, position));
    if (target === this.#position) return false;
    this.#direction = target > this.#position ? 1 : -1;
    this.#position = target;
    this.#row = undefined;
    this.#isLost = false;
    return true;
  }

  /** Take in what the store knows by now: `gone` when the item is not near its place in a new order any more. */
  update(): "same" | "moved" | "gone" {
    const { rows, traits } = this.#store;
    const count = traits.count.value;
    if (traits.epoch.value !== this.#epoch) {
      this.#epoch = traits.epoch.value;
      this.#isLost = this.#row !== undefined;
    }
    if (count === 0) return "gone";
    this.#position = Math.min(count - 1, this.#position);
    const around = this.#isLost ? SEARCH : 1;
    rows.want(this, Math.max(0, this.#position - around), Math.min(count, this.#position + around + 1));
    if (this.#isLost) return this.#find(count);
    this.#row = rows.at(this.#position);
    return "same";
  }

  release(): void {
    this.#row = undefined;
    this.#isLost = false;
    this.#store.rows.release(this);
  }

  #find(count: number): "same" | "moved" | "gone" {
    let isComplete = true;
    for (let step = 0; step <= 2 * SEARCH; step++) {
      const position = this.#position + (step % 2 ? -1 : 1) * Math.ceil(step / 2);
      if (position < 0 || position >= count) continue;
      const row = this.#store.rows.at(position);
      if (row?.id === this.#row?.id) {
        this.#isLost = false;
        this.#position = position;
        this.#row = row;
        return "moved";
      }
      isComplete &&= row !== undefined;
    }
    return isComplete ? "gone" : "same";
  }
}

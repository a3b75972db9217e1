/** The image that the previewed one is compared with, and how. */

import { Caption, CompareBar } from "./compare";
import { DetailsOf } from "./details";
import type { Details, Row } from "./protocol";
import type { Store } from "./store";

/** As much of an item as it takes to show it. */
export interface Subject {
  readonly id: number;
  readonly name: string;
}

export interface ComparisonActions {
  /** There is something else to show. */
  changed(): void;
  amplify(times: number): void;
}

export class Comparison {
  readonly captions: readonly [HTMLElement, HTMLElement];
  readonly bar: HTMLElement;
  readonly #changed: () => void;
  readonly #first: Caption;
  readonly #second: Caption;
  readonly #bar: CompareBar;
  readonly #details: DetailsOf;
  #other: Subject | undefined;
  #isDifference = false;

  constructor(store: Store, { changed, amplify }: ComparisonActions) {
    this.#changed = changed;
    this.#first = new Caption((item) => store.keep(item));
    this.#second = new Caption((item) => store.keep(item));
    this.captions = [this.#first.element, this.#second.element];
    this.#details = new DetailsOf(store, changed);
    this.#bar = new CompareBar({
      difference: () => this.toggleDifference(),
      leave: () => this.back(),
      amplify,
    });
    this.bar = this.#bar.element;
  }

  /** What the previewed image is compared with; `undefined` when it is shown alone. */
  get other(): Subject | undefined {
    return this.#other;
  }

  /** Of the other one, as far as they are here. */
  get details(): Details | undefined {
    return this.#details.value;
  }

  get isDifference(): boolean {
    return this.#isDifference;
  }

  /** Compare with one of the item's `others`; with the same one again: no longer. */
  toggle(details: Details | undefined, item: number | undefined): void {
    const other = details?.others.find((candidate) => candidate.item === item);
    this.#show(other && other.item !== this.#other?.id ? { id: other.item, name: other.name } : undefined);
  }

  /** Compare with the one so many places further in the item's `others`. */
  step(details: Details | undefined, by: number): void {
    const others = details?.others ?? [];
    const index = others.findIndex(({ item }) => item === this.#other?.id) + by;
    const other = others[Math.max(0, Math.min(others.length - 1, index))];
    if (other && other.item !== this.#other?.id) this.#show({ id: other.item, name: other.name });
  }

  toggleDifference(): void {
    this.#isDifference = this.#other !== undefined && !this.#isDifference;
    this.#changed();
  }

  /** Back to one image; false when there is only one. */
  back(): boolean {
    if (!this.#other) return false;
    this.#show(undefined);
    return true;
  }

  /** Forget what was compared, without saying so. */
  reset(): void {
    this.#other = undefined;
    this.#isDifference = false;
    this.#details.want(undefined, "");
  }

  /** Bring bar and captions up to date; `stamp` is another one when details may have changed. */
  render(row: Row | undefined, details: Details | undefined, stamp: string, isComplete: boolean): void {
    const other = this.#other;
    this.#details.want(other?.id, stamp);
    const isInGroup = details?.others.some(({ item, role }) => item === other?.id && role !== "selected");
    const keeper = isInGroup ? details?.keeper : null;
    this.#first.show(row && other && { ...row, details, keeper });
    this.#second.show(other && { ...other, details: this.#details.value, keeper });
    this.#bar.show(other !== undefined, this.#isDifference, isComplete);
  }

  #show(other: Subject | undefined): void {
    this.#other = other;
    if (!other) this.#isDifference = false;
    this.#changed();
  }
}

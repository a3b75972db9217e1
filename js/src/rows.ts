/** The rows of the view that are here, in pages, under the selection that the user has just made. */

import { type ReadonlySignal, signal } from "@preact/signals-core";
import type { Client } from "./client";
import { type Row, type RowsPayload, unpackRows } from "./protocol";

const PAGE = 128;
const PAGES_KEPT = 64;

interface Page {
  rows: readonly Row[];
  fresh: boolean;
}

/**
 * A selection that the kernel has not confirmed yet. Once it has (`confirmed` = the number of the last page request
 * sent until then), the first page asked for after that tells the truth, and the override goes.
 */
interface Override {
  selected: boolean;
  confirmed: number | undefined;
}

/** The overrides that one command has made, by item id. */
export type Claim = ReadonlyMap<number, Override>;

export class RowCache {
  readonly #client: Client;
  readonly #onError: (message: string) => void;
  readonly #pages = new Map<number, Page>();
  readonly #loading = new Map<number, AbortController>();
  /** Pages whose request failed: not asked for again until something changes. */
  readonly #failed = new Set<number>();
  readonly #wanted = new Map<object, { start: number; stop: number }>();
  readonly #overrides = new Map<number, Override>();
  readonly #version = signal(0);
  #epoch = 0;
  #count = 0;
  #requests = 0;

  constructor(client: Client, onError: (message: string) => void) {
    this.#client = client;
    this.#onError = onError;
  }

  /** Changes whenever a row does. */
  get version(): ReadonlySignal<number> {
    return this.#version;
  }

  /** The row at a view position, or `undefined` while it is not here. */
  at(position: number): Row | undefined {
    const row = this.#pages.get(Math.floor(position / PAGE))?.rows[position % PAGE];
    if (!row) return undefined;
    const override = this.#overrides.get(row.id);
    return override === undefined || override.selected === row.selected
      ? row
      : { ...row, selected: override.selected };
  }

  /** Say which positions `[start, stop)` a view shows; replaces what it wanted before. */
  want(view: object, start: number, stop: number): void {
    this.#wanted.set(view, { start, stop });
    this.#fetch();
  }

  /** Forget a view that was closed. */
  release(view: object): void {
    this.#wanted.delete(view);
    this.#fetch();
  }

  /** The order has changed: nothing that is here holds any more. */
  reset(epoch: number, count: number): void {
    this.#epoch = epoch;
    this.#count = count;
    this.#pages.clear();
    this.#wanted.clear(); // positions in the old order; the views say anew what they show
    for (const [item, override] of this.#overrides) {
      if (override.confirmed !== undefined) this.#overrides.delete(item);
    }
    this.refresh();
  }

  /** Take in the first page of the current order, for which nobody has asked. */
  supply({ epoch, start, stop, rows }: RowsPayload): void {
    if (epoch !== this.#epoch || start !== 0 || stop !== Math.min(PAGE, this.#count)) return;
    const loading = this.#loading.get(0);
    this.#loading.delete(0);
    loading?.abort();
    this.#keep(0, rows, ++this.#requests);
  }

  /** The order holds, but what is in the rows has changed: show the old until the new arrives. */
  refresh(): void {
    for (const page of this.#pages.values()) page.fresh = false;
    this.#failed.clear();
    for (const abort of this.#loading.values()) abort.abort();
    this.#loading.clear();
    this.#version.value++;
    this.#fetch();
  }

  /**
   * Show rows as selected or not before the kernel has confirmed it.
   *
   * @param decide For a row that is here and its position: selected or not; `undefined` leaves it alone.
   * @returns What to hand to `confirm` or `revert`.
   */
  override(decide: (row: Row, position: number) => boolean | undefined): Claim {
    const claim = new Map<number, Override>();
    for (const [page, { rows }] of this.#pages) {
      for (let position = page * PAGE; position < page * PAGE + rows.length; position++) {
        const row = this.at(position);
        const selected = row && decide(row, position);
        if (row && selected !== undefined) claim.set(row.id, { selected, confirmed: undefined });
      }
    }
    for (const [item, override] of claim) this.#overrides.set(item, override);
    this.#version.value++;
    return claim;
  }

  /** The kernel has carried out what `override` has shown. */
  confirm(claim: Claim): void {
    for (const override of claim.values()) override.confirmed = this.#requests;
  }

  /** The kernel has refused what `override` has shown. */
  revert(claim: Claim): void {
    for (const [item, override] of claim) {
      if (this.#overrides.get(item) === override) this.#overrides.delete(item);
    }
    this.#version.value++;
  }

  dispose(): void {
    this.#wanted.clear();
    this.#fetch();
  }

  #pagesWanted(): Set<number> {
    const pages = new Set<number>();
    for (const { start, stop } of this.#wanted.values()) {
      for (let page = Math.floor(start / PAGE); page * PAGE < Math.min(stop, this.#count); page++)
        pages.add(page);
    }
    return pages;
  }

  #fetch(): void {
    const wanted = this.#pagesWanted();
    for (const [page, abort] of this.#loading) {
      if (wanted.has(page)) continue;
      this.#loading.delete(page);
      abort.abort();
    }
    for (const page of wanted) {
      if (this.#pages.get(page)?.fresh || this.#loading.has(page) || this.#failed.has(page)) continue;
      void this.#load(page);
    }
  }

  async #load(page: number): Promise<void> {
    const abort = new AbortController();
    this.#loading.set(page, abort);
    const number = ++this.#requests;
    const epoch = this.#epoch;
    const start = page * PAGE;
    const stop = Math.min(start + PAGE, this.#count);
    const outcome = await this.#client.request({ kind: "rows", epoch, start, stop }, abort.signal);
    if (this.#loading.get(page) !== abort) return; // overtaken by a newer request, or not wanted any more
    this.#loading.delete(page);
    if (outcome.status === "ok") {
      try {
        const payload = unpackRows(outcome.content, outcome.buffers);
        if (payload.epoch === epoch && payload.start === start && payload.stop === stop) {
          this.#keep(page, payload.rows, number);
          return;
        }
      } catch (error) {
        this.#onError(String(error));
      }
    } else if (outcome.status === "error") {
      this.#onError(outcome.error);
    }
    this.#failed.add(page);
  }

  #keep(page: number, rows: readonly Row[], request: number): void {
    for (const row of rows) {
      const confirmed = this.#overrides.get(row.id)?.confirmed;
      if (confirmed !== undefined && request > confirmed) this.#overrides.delete(row.id);
    }
    this.#pages.delete(page);
    this.#pages.set(page, { rows, fresh: true });
    const wanted = this.#pagesWanted();
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= PAGES_KEPT) break;
      if (!wanted.has(oldest)) this.#pages.delete(oldest);
    }
    this.#version.value++;
  }
}

/** The state of one gallery model in the browser: the kernel's traits as signals, and what a user can do. */

import type { AnyModel } from "@anywidget/types";
import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { Thumbnails } from "./cache";
import { Client, type Outcome } from "./client";
import { type Request, type Row, unpackChanged } from "./protocol";
import { type Claim, RowCache } from "./rows";

/** The traits of the Python class `Gallery`. */
export interface Traits {
  epoch: number;
  revision: number;
  count: number;
  total: number;
  selection_count: number;
  selection_in_view: number;
  sort: string;
  sort_keys: readonly string[];
  query_label: string;
  filter_label: string;
  value_name: string;
  title: string;
  tag_counts: readonly (readonly [string, number])[];
  status: { kind?: string; message?: string; hint?: string };
  thumbnail_size: number;
}

const DEFAULTS: Traits = {
  epoch: 0,
  revision: 0,
  count: 0,
  total: 0,
  selection_count: 0,
  selection_in_view: 0,
  sort: "",
  sort_keys: [],
  query_label: "",
  filter_label: "",
  value_name: "",
  title: "",
  tag_counts: [],
  status: {},
  thumbnail_size: 144,
};
const NAMES = Object.keys(DEFAULTS) as (keyof Traits)[];

export type Model = AnyModel<Traits>;

/** A message to the user about something that failed. */
export interface Notice {
  readonly message: string;
}

export class Store {
  readonly client: Client;
  readonly rows: RowCache;
  readonly thumbnails: Thumbnails;
  readonly #model: Model;
  readonly #traits: { readonly [K in keyof Traits]: Signal<Traits[K]> };
  readonly #notice = signal<Notice | undefined>(undefined);
  #shown = { epoch: -1, revision: -1 };

  constructor(model: Model) {
    this.#model = model;
    this.#traits = Object.fromEntries(NAMES.map((name) => [name, signal(DEFAULTS[name])])) as never;
    this.client = new Client((content) => model.send(content));
    const onError = (message: string) => this.notify(message);
    this.rows = new RowCache(this.client, onError);
    this.thumbnails = new Thumbnails(this.client, onError);
    this.pull();
  }

  get traits(): { readonly [K in keyof Traits]: ReadonlySignal<Traits[K]> } {
    return this.#traits;
  }

  get notice(): ReadonlySignal<Notice | undefined> {
    return this.#notice;
  }

  /** Names of the model's events after which `pull` has to be called. */
  static readonly events = NAMES.map((name) => `change:${name}` as const);

  /** Take over the traits from the model; cheap when nothing has changed. */
  pull(): void {
    batch(() => {
      for (const name of NAMES) {
        const target: Signal<unknown> = this.#traits[name];
        target.value = this.#model.get(name) ?? DEFAULTS[name];
      }
      const { epoch, revision, count } = this.#traits;
      if (epoch.value !== this.#shown.epoch) this.rows.reset(epoch.value, count.value);
      else if (revision.value !== this.#shown.revision) this.rows.refresh();
      this.#shown = { epoch: epoch.value, revision: revision.value };
    });
  }

  notify(message: string): void {
    this.#notice.value = { message };
  }

  dismissNotice(): void {
    this.#notice.value = undefined;
  }

  /** Select an item or take it out of the selection. */
  setSelected(item: number, selected: boolean): void {
    const claim = this.rows.override((row) => (row.id === item ? selected : undefined));
    void this.#command({ kind: "select", op: selected ? "add" : "remove", items: [item] }, claim);
  }

  /** Add the view positions from one to another, both included, to the selection. */
  selectRange(from: number, to: number): void {
    const start = Math.min(from, to);
    const stop = Math.max(from, to) + 1;
    const claim = this.rows.override((_, position) =>
      position >= start && position < stop ? true : undefined,
    );
    const epoch = this.#traits.epoch.value;
    void this.#command({ kind: "select", op: "range", epoch, start, stop }, claim);
  }

  /** Add all items in view to the selection, empty the selection, or invert it within the view. */
  selectView(op: "all" | "none" | "invert"): void {
    const decide = { all: () => true, none: () => false, invert: (row: Row) => !row.selected }[op];
    void this.#command({ kind: "select", op }, this.rows.override(decide));
  }

  /** Tag or untag the selected items; resolves to how many were changed, `undefined` when it failed. */
  async tag(kind: "tag" | "untag", name: string): Promise<number | undefined> {
    const outcome = await this.#command({ kind, name });
    if (outcome.status !== "ok") return undefined;
    try {
      return unpackChanged(outcome.content);
    } catch (error) {
      this.notify(String(error));
      return undefined;
    }
  }

  sortBy(sort: string): void {
    void this.#command({ kind: "sort", sort });
  }

  showSimilar(item: number): void {
    void this.#command({ kind: "similar", items: [item] });
  }

  clear(what: "query" | "filters"): void {
    void this.#command({ kind: "clear", what });
  }

  /** Set the size of the cards; `save` hands it on to the kernel and so to all who look at this model. */
  setThumbnailSize(size: number, save: boolean): void {
    this.#traits.thumbnail_size.value = size;
    if (!save || this.client.gone.value) return;
    this.#model.set("thumbnail_size", size);
    this.#model.save_changes();
  }

  dispose(): void {
    this.rows.dispose();
    this.thumbnails.dispose();
  }

  async #command(request: Request, claim?: Claim): Promise<Outcome> {
    const outcome = await this.client.request(request);
    if (claim) {
      if (outcome.status === "ok") this.rows.confirm(claim);
      else this.rows.revert(claim);
    }
    if (outcome.status === "error") this.notify(outcome.error);
    return outcome;
  }
}

/**
 * The gallery's messages, the browser's half of `src/simwidget/widgets/protocol.py`.
 *
 * Both halves are held to `tests/protocol-fixtures/*.json`. Everything here is pure.
 */

export const MAX_ROWS = 512;
export const MAX_THUMBS = 64;
export const MAX_GROUPS = 65_536;
export const MAX_RANGES = 10_000;
export const MAX_IMAGE_BYTES = 1_000_000;
/** Of an image file from outside; Jupyter's websockets take messages of 10 MiB. */
export const MAX_QUERY_BYTES = 8 * 2 ** 20;
export const MAX_FILE_NAME = 255;
/** The largest request id; ids are shared out by `client.ts`. */
export const MAX_ID = Number.MAX_SAFE_INTEGER;

export type ItemOp = "set" | "add" | "remove" | "toggle";
export type ViewOp = "all" | "none" | "invert" | "extras";
export type Mode = "grid" | "groups";

/** What the browser may ask of the kernel; the client adds the id. */
export type Request =
  | { kind: "rows"; epoch: number; start: number; stop: number }
  | { kind: "thumbs"; items: readonly number[] }
  | { kind: "select"; op: ItemOp; items: readonly number[] }
  | {
      kind: "select";
      op: "ranges";
      epoch: number;
      ranges: readonly (readonly [number, number])[];
      replace: boolean;
    }
  | { kind: "select"; op: ViewOp }
  | { kind: "tag" | "untag"; name: string }
  | { kind: "sort"; sort: string }
  | { kind: "similar"; items: readonly number[] }
  | { kind: "similar_image"; name: string } // with one buffer, the bytes of a file
  | { kind: "paths" }
  | { kind: "clear"; what: "query" | "filters" }
  | { kind: "mode"; mode: Mode }
  | { kind: "groups"; epoch: number; start: number; stop: number }
  | { kind: "keep"; item: number }
  | { kind: "details"; item: number }
  | { kind: "image"; item: number; side: number }
  | { kind: "cancel"; target: number };

/** The part that all replies have in common. */
export type Envelope =
  | { id: number; status: "ok" }
  | { id: number; status: "error"; error: string }
  | { id: number; status: "cancelled" }
  | { id: number; status: "stale" };

/** One card's worth of data. */
export interface Row {
  readonly id: number;
  readonly name: string;
  /** The metric on the card; NaN where it is missing. */
  readonly value: number;
  readonly label: string | null;
  /** What the neighbors suggest instead; only known while the filter on suspected labels is on. */
  readonly suspected: string | null;
  readonly tags: readonly string[];
  readonly selected: boolean;
  /** Mean colour, sRGB, 0 to 255. */
  readonly color: readonly [number, number, number];
  /** Number of other items that are duplicates of this one. */
  readonly group: number;
  /** Whether this is the image that stays of its group; always false outside the group view. */
  readonly keeper: boolean;
}

export interface RowsPayload {
  readonly epoch: number;
  readonly start: number;
  readonly stop: number;
  readonly rows: readonly Row[];
}

/** A JPEG for each item, `null` where the item has none. */
export type ThumbsPayload = ReadonlyMap<number, Uint8Array<ArrayBuffer> | null>;

/** Number of items of each duplicate group in view, from group `start` on. */
export interface GroupsPayload {
  readonly epoch: number;
  readonly start: number;
  readonly stop: number;
  readonly sizes: Int32Array;
}

/** What an item can be compared with, and how far it is from it. */
export interface Other {
  readonly item: number;
  readonly name: string;
  readonly role: "keeper" | "duplicate" | "selected";
  /** Cosine distance. */
  readonly distance: number;
  /** Why it is a duplicate; `null` where it is none. */
  readonly reason: string | null;
}

/** All that is known of an item. */
export interface Details {
  readonly item: number;
  readonly name: string;
  /** Relative to the project's source. */
  readonly path: string;
  /** Upright, pixels. */
  readonly width: number;
  readonly height: number;
  /** Of the file. */
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modified: number | null;
  readonly label: string | null;
  /** The label that the neighbors suggest; `null` where that is the item's own. */
  readonly suspected: string | null;
  readonly split: string | null;
  readonly tags: readonly string[];
  readonly selected: boolean;
  /** Whether the file is another one than the project has read. */
  readonly changed: boolean;
  readonly metrics: readonly (readonly [string, number | null])[];
  /** The image that stays of the item's duplicate group, perhaps itself; `null` when it is in none. */
  readonly keeper: number | null;
  readonly others: readonly Other[];
}

/** A large image of an item. */
export interface ImagePayload {
  readonly item: number;
  /** Of what was sent, pixels. */
  readonly width: number;
  readonly height: number;
  /** Of the upright image in the file. */
  readonly fullWidth: number;
  readonly fullHeight: number;
  readonly blob: Blob;
}

/** A reply that breaks the protocol. */
export class ProtocolError extends Error {}

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isInteger(value: unknown, low: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= low;
}

function integer(content: Fields, name: string): number {
  const value = content[name];
  if (!isInteger(value, 0)) throw new ProtocolError(`${name} is no natural number`);
  return value;
}

function field<T>(content: Fields, name: string, is: (entry: unknown) => entry is T): T {
  const value = content[name];
  if (!is(value)) throw new ProtocolError(`${name} is not what it should be`);
  return value;
}

function list<T>(
  content: Fields,
  name: string,
  is: (entry: unknown) => entry is T,
  n?: number,
): readonly T[] {
  const value = content[name];
  if (!Array.isArray(value) || (n !== undefined && value.length !== n) || !value.every(is)) {
    throw new ProtocolError(`${name} is no list of ${n ?? "some"} proper entries`);
  }
  return value;
}

const ROW_BUFFERS = 6;
const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
const isText = (value: unknown): value is string => typeof value === "string";
const isLabel = (value: unknown): value is string | null => value === null || isText(value);
const isTags = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isNatural = (value: unknown): value is number => isInteger(value, 0);
const isCount = (value: unknown): value is number => isInteger(value, 1);
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isTime = (value: unknown): value is number | null => value === null || isNumber(value);
const isItem = (value: unknown): value is number | null => value === null || isNatural(value);
const isFlag = (value: unknown): value is boolean => typeof value === "boolean";
const isMetric = (value: unknown): value is readonly [string, number | null] =>
  Array.isArray(value) && value.length === 2 && isText(value[0]) && isTime(value[1]);
const isOther = (value: unknown): value is Other =>
  isFields(value) &&
  isNatural(value.item) &&
  isText(value.name) &&
  (value.role === "keeper" || value.role === "duplicate" || value.role === "selected") &&
  isNumber(value.distance) &&
  isLabel(value.reason);

function checkBuffers(buffers: readonly DataView[], lengths: readonly number[]): void {
  const got = buffers.map((buffer) => buffer.byteLength);
  if (got.length !== lengths.length || got.some((length, i) => length !== lengths[i])) {
    throw new ProtocolError(`buffers of ${got.join(", ")} bytes instead of ${lengths.join(", ")}`);
  }
}

/** Read the common part of a reply; `undefined` when the message is no reply at all. */
export function readEnvelope(content: unknown): Envelope | undefined {
  if (!isFields(content) || content.kind !== "reply") return undefined;
  const { id, status, error } = content;
  if (!isInteger(id, 1)) return undefined;
  switch (status) {
    case "ok":
    case "cancelled":
    case "stale":
      return { id, status };
    case "error":
      return { id, status, error: isText(error) ? error : "unknown error" };
    default:
      return undefined;
  }
}

/**
 * Unpack the ok reply to a `rows` request.
 *
 * @throws ProtocolError when a type, a length or a buffer does not fit.
 */
export function unpackRows(content: unknown, buffers: readonly DataView[]): RowsPayload {
  if (!isFields(content)) throw new ProtocolError("a reply is an object");
  const epoch = integer(content, "epoch");
  const start = integer(content, "start");
  const stop = integer(content, "stop");
  const n = stop - start;
  if (n < 1 || n > MAX_ROWS) throw new ProtocolError(`rows ${start} to ${stop}`);
  const names = list(content, "names", isText, n);
  const labels = list(content, "labels", isLabel, n);
  const tags = list(content, "tags", isTags, n);
  const suspected = content.suspected === undefined ? [] : list(content, "suspected", isLabel, n);
  checkBuffers(buffers, [4 * n, 8 * n, n, 3 * n, 4 * n, n]);
  const [ids, values, selected, colors, group, keeper] = buffers as [
    DataView,
    DataView,
    DataView,
    DataView,
    DataView,
    DataView,
  ];
  const rows = names.map(
    (name, i): Row => ({
      id: ids.getInt32(4 * i, true),
      name,
      value: values.getFloat64(8 * i, true),
      label: labels[i] ?? null,
      suspected: suspected[i] ?? null,
      tags: tags[i] ?? [],
      selected: selected.getUint8(i) !== 0,
      color: [colors.getUint8(3 * i), colors.getUint8(3 * i + 1), colors.getUint8(3 * i + 2)],
      group: group.getInt32(4 * i, true),
      keeper: keeper.getUint8(i) !== 0,
    }),
  );
  return { epoch, start, stop, rows };
}

/**
 * Unpack the ok reply to a `thumbs` request.
 *
 * @throws ProtocolError when a type, a length or the buffer does not fit.
 */
export function unpackThumbs(content: unknown, buffers: readonly DataView[]): ThumbsPayload {
  if (!isFields(content)) throw new ProtocolError("a reply is an object");
  const n = Array.isArray(content.items) ? content.items.length : 0;
  if (n < 1 || n > MAX_THUMBS) throw new ProtocolError(`${n} thumbnails`);
  const items = list(content, "items", isNatural, n);
  const lengths = list(content, "lengths", isNatural, n);
  checkBuffers(buffers, [lengths.reduce((sum, length) => sum + length, 0)]);
  const [joined] = buffers as [DataView];
  const thumbs = new Map<number, Uint8Array<ArrayBuffer> | null>();
  let offset = joined.byteOffset;
  items.forEach((item, i) => {
    const length = lengths[i] ?? 0;
    // Copied, so that one thumbnail in the cache does not keep the whole message alive.
    thumbs.set(item, length ? new Uint8Array(joined.buffer as ArrayBuffer, offset, length).slice() : null);
    offset += length;
  });
  return thumbs;
}

/** The start of a new order, which the kernel sends without being asked. */
export interface AheadPayload {
  /** Of the kernel, when the rows were read. */
  readonly revision: number;
  readonly rows: RowsPayload;
  /** Thumbnails of some of the rows. */
  readonly thumbs: ThumbsPayload;
}

/** Whether a message is the start of a new order. */
export function isAhead(content: unknown): boolean {
  return isFields(content) && content.kind === "ahead";
}

/**
 * Unpack the start of a new order.
 *
 * @throws ProtocolError as `unpackRows` and `unpackThumbs` do.
 */
export function unpackAhead(content: unknown, buffers: readonly DataView[]): AheadPayload {
  if (!isFields(content)) throw new ProtocolError("a message is an object");
  const rows = unpackRows(content, buffers.slice(0, ROW_BUFFERS));
  const [jpegs] = buffers.slice(ROW_BUFFERS);
  const isEmpty = jpegs?.byteLength === 0 && isEmptyList(content.items);
  return {
    revision: integer(content, "revision"),
    rows,
    thumbs: isEmpty ? new Map() : unpackThumbs(content, buffers.slice(ROW_BUFFERS)),
  };
}

/** Whether a message says what comes first in an order that the user is about to choose. */
export function isExpected(content: unknown): boolean {
  return isFields(content) && content.kind === "expected";
}

/**
 * Read which items those are.
 *
 * @throws ProtocolError when the message does not say, or they are more than fit a message of thumbnails.
 */
export function unpackExpected(content: unknown): readonly number[] {
  if (!isFields(content)) throw new ProtocolError("a message is an object");
  const items = list(content, "items", isNatural);
  if (items.length > MAX_THUMBS) throw new ProtocolError(`${items.length} items`);
  return items;
}

/**
 * Read how many items a `tag` or `untag` request has changed.
 *
 * @throws ProtocolError when the reply does not say.
 */
export function unpackChanged(content: unknown): number {
  if (!isFields(content)) throw new ProtocolError("a reply is an object");
  return integer(content, "changed");
}

/**
 * Read the ok reply to a `paths` request: absolute paths of the selected items, each of them one line.
 *
 * @throws ProtocolError when the reply does not say.
 */
export function unpackPaths(content: unknown): readonly string[] {
  if (!isFields(content)) throw new ProtocolError("a reply is an object");
  return list(content, "paths", isText);
}

/**
 * Unpack the ok reply to a `groups` request.
 *
 * @throws ProtocolError when a type, a length or the buffer does not fit, or a group is empty.
 */
export function unpackGroups(content: unknown, buffers: readonly DataView[]): GroupsPayload {
  if (!isFields(content)) throw new ProtocolError("a reply is an object");
  const epoch = integer(content, "epoch");
  const start = integer(content, "start");
  const stop = integer(content, "stop");
  const n = stop - start;
  if (n < 1 || n > MAX_GROUPS) throw new ProtocolError(`groups ${start} to ${stop}`);
  checkBuffers(buffers, [4 * n]);
  const [view] = buffers as [DataView];
  const sizes = Int32Array.from({ length: n }, (_, i) => view.getInt32(4 * i, true));
  if (sizes.some((size) => size < 1)) throw new ProtocolError("a group without items");
  return { epoch, start, stop, sizes };
}

/**
 * Read the ok reply to a `details` request.
 *
 * @throws ProtocolError when a field is missing or of another type.
 */
export function unpackDetails(content: unknown): Details {
  if (!isFields(content)) throw new ProtocolError("a reply is an object");
  return {
    item: integer(content, "item"),
    name: field(content, "name", isText),
    path: field(content, "path", isText),
    width: integer(content, "width"),
    height: integer(content, "height"),
    bytes: integer(content, "bytes"),
    modified: field(content, "modified", isTime),
    label: field(content, "label", isLabel),
    suspected: field(content, "suspected", isLabel),
    split: field(content, "split", isLabel),
    tags: list(content, "tags", isText),
    selected: field(content, "selected", isFlag),
    changed: field(content, "changed", isFlag),
    metrics: list(content, "metrics", isMetric),
    keeper: field(content, "keeper", isItem),
    others: list(content, "others", isOther),
  };
}

/**
 * Unpack the ok reply to an `image` request.
 *
 * @throws ProtocolError when a type or the buffer does not fit, or it is no image that browsers show.
 */
export function unpackImage(content: unknown, buffers: readonly DataView[]): ImagePayload {
  if (!isFields(content)) throw new ProtocolError("a reply is an object");
  const { mime } = content;
  if (mime !== "image/jpeg" && mime !== "image/png") throw new ProtocolError("mime is no image");
  const [view] = buffers;
  if (buffers.length !== 1 || !view || view.byteLength < 1 || view.byteLength > MAX_IMAGE_BYTES) {
    throw new ProtocolError("an image is one buffer of at most 1 MB");
  }
  const bytes = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
  return {
    item: integer(content, "item"),
    width: field(content, "width", isCount),
    height: field(content, "height", isCount),
    fullWidth: field(content, "full_width", isCount),
    fullHeight: field(content, "full_height", isCount),
    blob: new Blob([bytes], { type: mime }),
  };
}

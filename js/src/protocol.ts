/**
 * The gallery's messages, the browser's half of `src/simwidget/widgets/protocol.py`.
 *
 * Both halves are held to `tests/protocol-fixtures/*.json`. Everything here is pure.
 */

export const MAX_ROWS = 512;
export const MAX_THUMBS = 64;
/** The largest request id; ids are shared out by `client.ts`. */
export const MAX_ID = Number.MAX_SAFE_INTEGER;

export type ItemOp = "set" | "add" | "remove" | "toggle";
export type ViewOp = "all" | "none" | "invert";

/** What the browser may ask of the kernel; the client adds the id. */
export type Request =
  | { kind: "rows"; epoch: number; start: number; stop: number }
  | { kind: "thumbs"; items: readonly number[] }
  | { kind: "select"; op: ItemOp; items: readonly number[] }
  | { kind: "select"; op: "range"; epoch: number; start: number; stop: number }
  | { kind: "select"; op: ViewOp }
  | { kind: "tag" | "untag"; name: string }
  | { kind: "sort"; sort: string }
  | { kind: "similar"; items: readonly number[] }
  | { kind: "clear"; what: "query" | "filters" }
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
  readonly tags: readonly string[];
  readonly selected: boolean;
  /** Mean colour, sRGB, 0 to 255. */
  readonly color: readonly [number, number, number];
  /** Number of other items that are duplicates of this one. */
  readonly group: number;
}

export interface RowsPayload {
  readonly epoch: number;
  readonly start: number;
  readonly stop: number;
  readonly rows: readonly Row[];
}

/** A JPEG for each item, `null` where the item has none. */
export type ThumbsPayload = ReadonlyMap<number, Uint8Array<ArrayBuffer> | null>;

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

function list<T>(content: Fields, name: string, n: number, is: (entry: unknown) => entry is T): readonly T[] {
  const value = content[name];
  if (!Array.isArray(value) || value.length !== n || !value.every(is)) {
    throw new ProtocolError(`${name} is no list of ${n} proper entries`);
  }
  return value;
}

const isText = (value: unknown): value is string => typeof value === "string";
const isLabel = (value: unknown): value is string | null => value === null || isText(value);
const isTags = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const isNatural = (value: unknown): value is number => isInteger(value, 0);

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
  const names = list(content, "names", n, isText);
  const labels = list(content, "labels", n, isLabel);
  const tags = list(content, "tags", n, isTags);
  checkBuffers(buffers, [4 * n, 8 * n, n, 3 * n, 4 * n]);
  const [ids, values, selected, colors, group] = buffers as [
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
      tags: tags[i] ?? [],
      selected: selected.getUint8(i) !== 0,
      color: [colors.getUint8(3 * i), colors.getUint8(3 * i + 1), colors.getUint8(3 * i + 2)],
      group: group.getInt32(4 * i, true),
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
  const items = list(content, "items", n, isNatural);
  const lengths = list(content, "lengths", n, isNatural);
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

/**
 * Read how many items a `tag` or `untag` request has changed.
 *
 * @throws ProtocolError when the reply does not say.
 */
export function unpackChanged(content: unknown): number {
  if (!isFields(content)) throw new ProtocolError("a reply is an object");
  return integer(content, "changed");
}

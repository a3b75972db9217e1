import fc from "fast-check";
import { describe, expect, it } from "vitest";
import replies from "../../tests/protocol-fixtures/replies.json";
import requests from "../../tests/protocol-fixtures/requests.json";
import {
  isAhead,
  isExpected,
  ProtocolError,
  readEnvelope,
  unpackAhead,
  unpackChanged,
  unpackDetails,
  unpackExpected,
  unpackGroups,
  unpackImage,
  unpackPaths,
  unpackRows,
  unpackThumbs,
} from "../src/protocol";
import { Store } from "../src/store";
import { Kernel } from "./kernel";

function bytes(hex: string): DataView {
  const values = hex.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) ?? [];
  // At an odd offset within something larger, as in a real message.
  const padded = new Uint8Array(values.length + 8);
  padded.set(values, 5);
  return new DataView(padded.buffer, 5, values.length);
}

const UNPACKERS: Record<string, (content: unknown, buffers: readonly DataView[]) => unknown> = {
  rows: unpackRows,
  thumbs: unpackThumbs,
  groups: unpackGroups,
  details: unpackDetails,
  image: unpackImage,
  ahead: unpackAhead,
  expected: unpackExpected,
  paths: unpackPaths,
};

function hexOf(jpeg: Uint8Array): string {
  return [...jpeg].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

describe("requests", () => {
  const kernel = new Kernel({ n: 10, manual: true });
  const store = new Store(kernel.model);
  const actions: Record<string, () => unknown> = {
    "select add": () => store.setSelected(42, true),
    "select remove": () => store.setSelected(42, false),
    "select set": () => store.selectOnly(42),
    "select ranges": () => {
      kernel.update({ epoch: 3 });
      store.pull();
      store.selectRanges(
        [
          [2, 4],
          [7, 8],
        ],
        false,
      );
    },
    "select extras": () => store.selectView("extras"),
    "select all": () => store.selectView("all"),
    "select none": () => store.selectView("none"),
    "select invert": () => store.selectView("invert"),
    tag: () => store.tag("tag", "duplicate"),
    untag: () => store.tag("untag", "duplicate"),
    sort: () => store.sortBy("-Uniqueness"),
    similar: () => store.showSimilar(42),
    "similar image": () => store.showSimilarTo("été.jpg", new Uint8Array([0xff, 0xd8, 0xff, 0xd9]).buffer),
    paths: () => store.paths(),
    "clear query": () => store.clear("query"),
    "clear filters": () => store.clear("filters"),
    groups: () => store.groups.reset(3, 20),
    mode: () => store.setMode("groups"),
    keep: () => store.keep(42),
    details: () => store.details(42, new AbortController().signal),
    image: () => store.image(42, 2048, new AbortController().signal),
    rows: () => {
      store.rows.reset(3, 1000);
      store.rows.want({}, 0, 20);
    },
    thumbs: () => store.thumbnails.want({}, [7, 0, 2147483647]),
  };

  it.each(Object.keys(actions))("%s is sent as the kernel expects it", (name) => {
    const fixture = requests.valid.find((candidate) => candidate.name === name);
    actions[name]?.();
    const sent = kernel.sent.at(-1);
    expect({ ...sent, id: 0 }).toEqual({ ...fixture?.message, id: 0 });
    const buffers = kernel.buffers.at(-1)?.map((buffer) => hexOf(new Uint8Array(buffer)));
    expect(buffers).toEqual(fixture?.buffers ?? []);
  });
});

describe("replies", () => {
  it.each(replies.rows)("rows: $name", ({ rows, message, buffers }) => {
    const payload = unpackRows(message, buffers.map(bytes));
    expect(payload).toMatchObject({ epoch: message.epoch, start: message.start, stop: message.stop });
    expect(payload.rows).toEqual(
      rows.ids.map((id, i) => ({
        id,
        name: rows.names[i],
        value: rows.values[i] ?? Number.NaN,
        label: rows.labels[i],
        suspected: ("suspected" in rows && rows.suspected[i]) || null,
        tags: rows.tags[i],
        selected: rows.selected[i],
        color: rows.colors[i],
        group: rows.group[i],
        keeper: rows.keeper[i],
      })),
    );
  });

  it.each(replies.thumbs)("thumbs: $name", ({ items, thumbnails, message, buffers }) => {
    const thumbs = unpackThumbs(message, buffers.map(bytes));
    expect([...thumbs.keys()]).toEqual(items);
    const hex = [...thumbs.values()].map((jpeg) => jpeg && hexOf(jpeg));
    expect(hex).toEqual(thumbnails);
  });

  it.each(replies.groups)("groups: $name", ({ epoch, start, sizes, message, buffers }) => {
    const payload = unpackGroups(message, buffers.map(bytes));
    expect({ ...payload, sizes: [...payload.sizes] }).toEqual({
      epoch,
      start,
      stop: start + sizes.length,
      sizes,
    });
  });

  it.each(replies.details)("details: $name", ({ message }) => {
    const { kind, id, status, ...details } = message;
    expect([kind, status, id > 0]).toEqual(["reply", "ok", true]);
    expect(unpackDetails(message)).toEqual(details);
  });

  it.each(replies.image)("image: $name", async ({ message, buffers, image, ...size }) => {
    const payload = unpackImage(message, buffers.map(bytes));
    expect(payload).toMatchObject({ item: size.item, width: size.width, height: size.height });
    expect([payload.fullWidth, payload.fullHeight]).toEqual([size.full_width, size.full_height]);
    expect(payload.blob.type).toBe(size.mime);
    expect(hexOf(new Uint8Array(await payload.blob.arrayBuffer()))).toBe(image);
  });

  it.each(replies.ahead)("ahead: $name", ({ revision, rows, items, thumbnails, message, buffers }) => {
    expect([isAhead(message), readEnvelope(message)]).toEqual([true, undefined]);
    const payload = unpackAhead(message, buffers.map(bytes));
    expect(payload.revision).toBe(revision);
    expect(payload.rows.rows.map(({ id, name }) => [id, name])).toEqual([[rows.ids[0], rows.names[0]]]);
    expect([...payload.thumbs.keys()]).toEqual(items);
    expect([...payload.thumbs.values()].map((jpeg) => jpeg && hexOf(jpeg))).toEqual(thumbnails);
    expect(() => unpackAhead(message, buffers.slice(1).map(bytes))).toThrow(ProtocolError);
    expect(() => unpackAhead({ ...message, items: [1], lengths: [99] }, buffers.map(bytes))).toThrow();
    expect(() => unpackAhead({ ...message, revision: null }, buffers.map(bytes))).toThrow(ProtocolError);
  });

  it.each(replies.expected)("expected: $name", ({ items, message }) => {
    expect([isExpected(message), isAhead(message), readEnvelope(message)]).toEqual([true, false, undefined]);
    expect(unpackExpected(message)).toEqual(items);
    expect(() => unpackExpected({ ...message, items: Array(65).fill(1) })).toThrow(ProtocolError);
  });

  it("thumbnails do not keep the message alive", () => {
    const joined = bytes("ffd8ffd9");
    const jpeg = unpackThumbs({ items: [1], lengths: [4] }, [joined]).get(1);
    expect(jpeg?.buffer).not.toBe(joined.buffer);
    expect(jpeg?.buffer.byteLength).toBe(4);
  });

  it.each(replies.malformed)("malformed $unpack: $name", ({ unpack, message, buffers }) => {
    expect(() => UNPACKERS[unpack]?.(message, buffers.map(bytes))).toThrow(ProtocolError);
  });

  it.each(replies.plain)("plain: $name", ({ message }) => {
    const { id, status, error } = message;
    expect(readEnvelope(message)).toEqual({ id, status, ...(error ? { error } : {}) });
  });

  it("says how many items were changed", () => {
    expect(unpackChanged(replies.plain.find(({ name }) => name === "changed")?.message)).toBe(12);
    expect(() => unpackChanged({})).toThrow(ProtocolError);
  });

  it("lists the paths of the selected items", () => {
    const { message } = replies.plain.find(({ name }) => name === "paths") ?? {};
    expect(unpackPaths(message)).toEqual(message?.paths);
    expect(() => unpackPaths({})).toThrow(ProtocolError);
    expect(() => unpackPaths({ paths: ["/a", 1] })).toThrow(ProtocolError);
  });

  it.each(replies.not_replies.map((message) => [JSON.stringify(message), message]))(
    "%s is no reply",
    (_, message) => {
      expect(readEnvelope(message)).toBeUndefined();
    },
  );

  it("takes any JSON without another error than its own", () => {
    const buffers = fc.array(
      fc.integer({ min: 0, max: 40 }).map((n) => new DataView(new ArrayBuffer(n))),
      {
        maxLength: 6,
      },
    );
    const near = fc.record(
      {
        kind: fc.constant("reply"),
        id: fc.integer(),
        status: fc.constantFrom("ok", "error", 1),
        epoch: fc.nat(5),
        start: fc.nat(5),
        stop: fc.nat(9),
        names: fc.array(fc.string(), { maxLength: 3 }),
        labels: fc.array(fc.option(fc.string()), { maxLength: 3 }),
        suspected: fc.array(fc.option(fc.string()), { maxLength: 3 }),
        tags: fc.array(fc.array(fc.string()), { maxLength: 3 }),
        items: fc.array(fc.nat(), { maxLength: 3 }),
        lengths: fc.array(fc.nat(9), { maxLength: 3 }),
        paths: fc.array(fc.oneof(fc.string(), fc.nat()), { maxLength: 3 }),
        item: fc.integer(),
        width: fc.integer(),
        height: fc.integer(),
        full_width: fc.nat(9),
        full_height: fc.nat(9),
        mime: fc.constantFrom("image/jpeg", "image/svg+xml", 3),
        metrics: fc.array(fc.tuple(fc.string(), fc.option(fc.double())), { maxLength: 3 }),
        others: fc.array(fc.record({ item: fc.nat(), name: fc.string(), role: fc.string() }), {
          maxLength: 2,
        }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), near), buffers, (content, views) => {
        const envelope = readEnvelope(content);
        if (envelope) expect(envelope.id).toBeGreaterThanOrEqual(1);
        for (const unpack of Object.values(UNPACKERS)) {
          try {
            unpack(content, views);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

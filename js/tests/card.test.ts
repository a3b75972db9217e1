import { beforeEach, describe, expect, it, vi } from "vitest";
import { Card } from "../src/card";
import type { Row } from "../src/protocol";
import { standInForLayout } from "./page";

beforeEach(standInForLayout);

const ROW: Row = {
  id: 7,
  name: "a.jpg",
  value: 0.25,
  label: "cat",
  suspected: null,
  tags: ["x", "y", "z"],
  selected: false,
  color: [1, 2, 3],
  group: 2,
  keeper: false,
};

describe("a card", () => {
  const show = (card: Card, row: Row | undefined, more = {}) =>
    card.show({
      position: 3,
      row,
      url: "data:1",
      valueName: "Uniqueness",
      isGrouped: false,
      ...more,
    });
  const part = (card: Card, selector: string) =>
    card.element.querySelector<HTMLElement>(selector) as HTMLElement;
  const spoken = (card: Card) => card.element.getAttribute("aria-label");

  it("says all there is to know in its accessible name", () => {
    const card = new Card(2);
    expect(card.element.getAttribute("aria-colindex")).toBe("3");
    expect(spoken(card)).toBe("Loading");
    show(card, ROW);
    expect(spoken(card)).toBe("a.jpg, Uniqueness 0.2500, label cat, tagged x, y, z, 2 duplicates");
    show(card, { ...ROW, value: Number.NaN, label: null, tags: [], group: 1 });
    expect(spoken(card)).toBe("a.jpg, no Uniqueness, 1 duplicate");
    show(card, { ...ROW, keeper: true, label: null, tags: [] }, { isGrouped: true });
    expect(spoken(card)).toBe("a.jpg, keeper, 2 duplicates");
    show(card, undefined);
    expect(spoken(card)).toBe("Loading");
  });

  it("marks the keeper, and offers to keep another", () => {
    const card = new Card(0);
    show(card, { ...ROW, keeper: true }, { isGrouped: true, valueName: "Distance to keeper" });
    expect(part(card, ".badge").textContent).toBe("Keeper");
    expect(part(card, ".badge").hidden).toBe(false);
    expect(part(card, ".value").textContent).toBe("");
    expect(part(card, ".keep").hidden).toBe(true);
    show(card, { ...ROW, value: 0 }, { isGrouped: true, valueName: "Distance to keeper" });
    expect(part(card, ".badge").hidden).toBe(true);
    expect(part(card, ".value").textContent).toBe("0.0000");
    expect(part(card, ".value").title).toBe("Distance to keeper: 0");
    expect(part(card, ".keep").hidden).toBe(false);
    expect(part(card, ".keep").getAttribute("aria-label")).toBe("Keep a.jpg instead");
    show(card, ROW);
    expect(part(card, ".keep").hidden).toBe(true);
    expect(part(card, ".badge").textContent).toBe("≈ 2");
  });

  it("shows text of either direction, in full when pointed at", () => {
    const card = new Card(0);
    const long = `<b>"שלום" 🎈${"x".repeat(300)}`;
    show(card, { ...ROW, name: long, label: long, tags: [long] });
    for (const selector of [".name", ".label", ".tag"]) {
      expect(part(card, selector).textContent).toBe(long);
      expect(part(card, selector).title).toBe(long);
      expect(part(card, selector).dir).toBe("auto");
      expect(part(card, selector).childElementCount).toBe(0);
    }
  });

  it("says which label the neighbors suggest, as text", () => {
    const card = new Card(0);
    const label = () => part(card, ".label");
    const evil = `<b>"שלום" 🎈${"x".repeat(300)}`;
    show(card, ROW);
    show(card, { ...ROW, suspected: "owl" });
    show(card, { ...ROW, suspected: "dog" });
    expect(label().textContent).toBe("cat → dog?");
    expect(label().title).toBe("labeled cat; its neighbors suggest dog");
    expect(spoken(card)).toContain("0.2500, labeled cat; its neighbors suggest dog, tagged x");
    show(card, { ...ROW, label: null, suspected: "dog" });
    expect(label().textContent).toBe("→ dog?");
    expect(label().title).toBe("no label; its neighbors suggest dog");
    show(card, { ...ROW, label: evil, suspected: evil });
    expect(label().textContent).toBe(`${evil} → ${evil}?`);
    expect([...label().querySelectorAll("*")].map(({ localName }) => localName)).toEqual(["bdi", "bdi"]);
  });

  it("shows the label alone again once it is not suspected", () => {
    const card = new Card(0);
    const label = () => part(card, ".label");
    const plain = () => [label().textContent, label().title, label().dir, label().className];
    for (const name of ["dog", "cat → dog?"]) {
      show(card, { ...ROW, suspected: "dog" });
      show(card, { ...ROW, label: name });
      expect(plain()).toEqual([name, name, "auto", "label"]);
      expect(label().childElementCount).toBe(0);
    }
    show(card, { ...ROW, suspected: "dog" });
    show(card, undefined);
    expect([label().textContent, label().title]).toEqual(["", ""]);
    show(card, { ...ROW, label: null });
    expect(plain()).toEqual(["", "", "auto", "label"]);
  });

  it("leaves the page alone when nothing has changed", async () => {
    const card = new Card(0);
    show(card, ROW);
    await Promise.resolve();
    const observer = new MutationObserver(() => {});
    const all = { attributes: true, childList: true, characterData: true, subtree: true };
    observer.observe(card.element, { ...all, attributeOldValue: true });
    // happy-dom reports classList.toggle where it has done nothing; browsers do not.
    const changes = () =>
      observer.takeRecords().filter(({ target, attributeName, oldValue }) => {
        return attributeName !== "class" || (target as Element).className !== oldValue;
      });
    show(card, ROW);
    show(card, { ...ROW });
    expect(changes()).toEqual([]);
    show(card, { ...ROW, suspected: "dog" });
    changes();
    show(card, { ...ROW, suspected: "dog" });
    expect(changes()).toEqual([]);
    show(card, { ...ROW, selected: true });
    expect(changes().length).toBeGreaterThan(0);
    observer.disconnect();
  });

  it("shows a picture once it is decoded, and keeps it", async () => {
    const isShown = (card: Card) => part(card, ".frame").classList.contains("decoded");
    const source = (card: Card) => part(card, "img").getAttribute("src");
    const card = new Card(0);
    show(card, ROW, { url: undefined });
    expect([isShown(card), source(card)]).toEqual([false, null]);
    vi.spyOn(HTMLImageElement.prototype, "complete", "get").mockReturnValue(true);
    show(card, ROW);
    expect([isShown(card), source(card)]).toEqual([true, "data:1"]);
    show(card, ROW, { url: undefined }); // as when it has been scrolled away
    expect([isShown(card), source(card)]).toEqual([true, "data:1"]);
    show(card, { ...ROW, id: 8 }, { url: undefined });
    expect([isShown(card), source(card)]).toEqual([false, null]);
  });

  it("waits for a picture that the browser does not take from its memory, unless it shows another by then", async () => {
    const ready: (() => void)[] = [];
    HTMLImageElement.prototype.decode = () => new Promise((resolve) => ready.push(resolve));
    vi.spyOn(HTMLImageElement.prototype, "complete", "get").mockReturnValue(false);
    const card = new Card(0);
    show(card, ROW);
    show(card, { ...ROW, id: 8 }, { url: "data:2" });
    ready[0]?.();
    await Promise.resolve();
    expect(part(card, ".frame").classList.contains("decoded")).toBe(false);
    ready[1]?.();
    await vi.waitFor(() => expect(part(card, ".frame").classList.contains("decoded")).toBe(true));
  });

  it("says when there is no picture", () => {
    const card = new Card(0);
    show(card, ROW);
    show(card, ROW, { url: null });
    expect(part(card, ".frame").classList.contains("broken")).toBe(true);
    show(card, { ...ROW, id: 8 });
    expect(part(card, ".frame").classList.contains("broken")).toBe(false);
  });
});

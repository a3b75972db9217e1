import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { settle } from "./kernel";
import { clearPage, display, HEIGHT, standInForLayout } from "./page";

beforeEach(standInForLayout);
afterEach(clearPage);

describe("the grid", () => {
  it("shows cards for what can be seen and one screen more", async () => {
    const { view } = await display({ n: 1000 });
    const shown = Array.from({ length: 30 }, (_, i) => i); // five columns, six of 200 rows: two screens of 560 pixels
    await vi.waitFor(() => expect(view.cards.map((card) => view.position(card))).toEqual(shown));
    expect(view.find("[role=grid]").getAttribute("aria-rowcount")).toBe("200");
    expect(view.find("[role=grid]").getAttribute("aria-multiselectable")).toBe("true");
  });

  it("shows name, value, label, tags, duplicates and thumbnail", async () => {
    const { view } = await display({ n: 10 });
    const text = (position: number, selector: string) =>
      view.card(position).querySelector(selector)?.textContent;
    expect(text(0, ".name")).toBe("image 100.jpg");
    expect(view.card(0).querySelector<HTMLElement>(".name")?.title).toBe("image 100.jpg");
    expect(text(0, ".value")).toBe("0.1000");
    expect(text(2, ".value")).toBe("–");
    expect(text(1, ".label")).toBe("odd");
    expect([...view.card(1).querySelectorAll(".tag")].map((tag) => tag.textContent)).toEqual([
      "a",
      "b",
      "+1",
    ]);
    const badge = view.card(3).querySelector<HTMLElement>(".badge");
    expect(badge?.hidden).toBe(false);
    expect(badge?.textContent).toBe("≈ 2");
    expect(view.card(2).querySelector<HTMLElement>(".badge")?.hidden).toBe(true);
    expect(view.card(0).querySelector("img")?.src).toMatch(/^data:/);
    expect(view.card(0).querySelector(".decoded")).not.toBeNull();
    expect(view.card(4).querySelector(".broken")).not.toBeNull();
  });

  it("takes a thumbnail that cannot be decoded for missing", async () => {
    vi.spyOn(HTMLImageElement.prototype, "naturalWidth", "get").mockReturnValue(0);
    HTMLImageElement.prototype.decode = () => Promise.reject(new Error("EncodingError"));
    const { view } = await display({ n: 5 });
    expect(view.root.querySelectorAll(".broken")).toHaveLength(5);
  });

  it("never takes text for HTML", async () => {
    const { kernel, view } = await display({ n: 1 });
    kernel.update({
      title: "<img src=x onerror=alert(1)>",
      query_label: "<b>bold</b>",
      tag_counts: [["<i>", 1]],
    });
    await settle();
    expect(view.find(".title").textContent).toBe("<img src=x onerror=alert(1)>");
    expect(view.root.querySelectorAll(".title *, .chip-label *")).toHaveLength(0);
  });

  it("recycles its elements while it is scrolled", async () => {
    const { view } = await display({ n: 100_000 });
    const before = new Set(view.cards);
    const grid = view.find("[role=grid]");
    grid.scrollTop = 1_000_000;
    grid.dispatchEvent(new Event("scroll"));
    await settle(); // in view
    await settle(); // and near
    expect(view.position(view.cards[0] as HTMLElement)).toBeGreaterThan(20_000);
    expect(view.cards.filter((card) => before.has(card)).length).toBe(before.size);
    expect(view.cards.length).toBeLessThanOrEqual(60);
    expect(view.cards.every((card) => card.querySelector(".name")?.textContent?.startsWith("image"))).toBe(
      true,
    );
  });

  it("has a spacer that browsers can scroll, with a million items", async () => {
    const { view } = await display({ n: 1_000_000 });
    const grid = view.find("[role=grid]");
    expect(view.find(".spacer").style.height).toBe("10000000px");
    grid.scrollTop = 10_000_000 - HEIGHT;
    grid.dispatchEvent(new Event("scroll"));
    await settle();
    expect(view.position(view.cards.at(-1) as HTMLElement)).toBe(999_999);
  });

  it("keeps the first item in view when the cards change size", async () => {
    const { kernel, view } = await display({ n: 10_000 });
    const grid = view.find("[role=grid]");
    grid.scrollTop = 12 + 100 * 199; // row 100 of five columns: item 500
    grid.dispatchEvent(new Event("scroll"));
    kernel.update({ thumbnail_size: 240 });
    await settle();
    const tops = view.cards.map((card) => ({
      position: view.position(card),
      y: Number(/translateY\((.*)px\)/.exec(card.parentElement?.style.transform ?? "")?.[1]),
    }));
    const first = tops.find(({ y }) => y >= grid.scrollTop - 1);
    expect(Math.abs((first?.position ?? 0) - 500)).toBeLessThan(3);
  });

  it("starts at the top in a new order, and returns to where it was after a query", async () => {
    const { kernel, view } = await display({ n: 10_000 });
    const grid = view.find("[role=grid]");
    grid.scrollTop = 50_000;
    grid.dispatchEvent(new Event("scroll"));
    const all = kernel.order;
    kernel.reorder(all.slice(0, 50), { query_label: "Similar to image 7.jpg", sort: "Similarity" });
    await settle();
    expect(grid.scrollTop).toBe(0);
    kernel.reorder(all, { query_label: "", sort: "Uniqueness" });
    await settle();
    expect(grid.scrollTop).toBe(50_000);
    kernel.reorder([...all].reverse(), { sort: "-Uniqueness" });
    await settle();
    expect(grid.scrollTop).toBe(0);
    expect(view.card(0).querySelector(".name")?.textContent).toBe("image 10099.jpg");
  });
});

describe("selecting", () => {
  it("shows at once, before and after the kernel has confirmed", async () => {
    const { kernel, view } = await display({ n: 20 });
    view.click(view.card(3));
    await new Promise(requestAnimationFrame);
    expect(view.selected).toEqual([3]);
    await settle();
    expect(view.selected).toEqual([3]);
    expect([...kernel.selected]).toEqual([103]);
    expect(view.card(3).querySelector("input")?.checked).toBe(true);
    view.click(view.card(3).querySelector("input") as HTMLInputElement);
    await settle();
    expect(view.selected).toEqual([]);
    expect(view.card(3).querySelector("input")?.checked).toBe(false);
  });

  it("is taken back when the kernel refuses", async () => {
    const { kernel, view } = await display({ n: 20 });
    kernel.refuse.add("select");
    view.click(view.card(3));
    await settle();
    expect(view.selected).toEqual([]);
    expect(view.find("[role=alert]").textContent).toContain("select refused");
    view.click(view.button("Dismiss"));
    expect(view.find("[role=alert]").hidden).toBe(true);
  });

  it("is the same in every view, and follows Python", async () => {
    const { kernel, view, other } = await display({ n: 20 }, 2);
    view.click(view.card(2));
    await settle();
    expect(other.selected).toEqual([2]);
    kernel.select([105, 106]);
    await settle();
    expect([view.selected, other.selected]).toEqual([
      [5, 6],
      [5, 6],
    ]);
    expect(view.find(".selected").textContent).toBe("2 selected");
  });

  it("has Select all, Invert and Clear", async () => {
    const { kernel, view } = await display({ n: 7 });
    view.click(view.card(0));
    await settle();
    view.click(view.button("Invert"));
    await settle();
    expect(view.selected).toEqual([1, 2, 3, 4, 5, 6]);
    view.click(view.button("Select all"));
    await settle();
    expect(kernel.selected.size).toBe(7);
    expect(view.button("Select all").disabled).toBe(true);
    view.click(view.button("Clear"));
    await settle();
    expect(view.selected).toEqual([]);
    expect(view.button("Clear").disabled).toBe(true);
  });

  it("counts what is out of view", async () => {
    const { kernel, view } = await display({ n: 2000 });
    kernel.select(kernel.order);
    kernel.reorder(kernel.order.slice(0, 500), { selection_in_view: 500 });
    await settle();
    expect(view.find(".selected").textContent).toBe("2,000 selected (1,500 not in view)");
  });
});

describe("keys", () => {
  it("move the focus through one tab stop", async () => {
    const { view } = await display({ n: 1000 });
    const stops = () => view.cards.filter((card) => card.tabIndex === 0).map((card) => view.position(card));
    expect(stops()).toEqual([0]);
    view.card(0).focus();
    view.press("ArrowDown");
    view.press("ArrowRight");
    expect(view.focused).toBe(6);
    expect(stops()).toEqual([6]);
    view.press("End", { ctrlKey: true });
    expect(view.focused).toBe(999);
    view.press("Home", { ctrlKey: true });
    expect(view.focused).toBe(0);
    expect(view.find("[role=grid]").scrollTop).toBe(0);
  });

  it("keep the focus on a card that is scrolled far away", async () => {
    const { view } = await display({ n: 100_000 });
    view.card(2).focus();
    const grid = view.find("[role=grid]");
    grid.scrollTop = 900_000;
    grid.dispatchEvent(new Event("scroll"));
    await settle();
    expect(view.focused).toBe(2);
    view.press("ArrowRight");
    expect(view.focused).toBe(3);
    expect(grid.scrollTop).toBe(0);
  });

  it("select, ask for similar items, select all and leave a query", async () => {
    const { kernel, view } = await display({ n: 20 });
    view.card(4).focus();
    expect(view.press(" ").defaultPrevented).toBe(true);
    view.press("ArrowRight");
    view.press("s");
    view.press("a", { ctrlKey: true });
    view.press("Escape");
    await settle();
    kernel.update({ query_label: "Similar to x" });
    await settle();
    view.press("Escape");
    await settle();
    const commands = kernel.sent.filter(({ kind }) => !["rows", "thumbs", "cancel"].includes(kind));
    expect(commands).toMatchObject([
      { kind: "select", op: "add", items: [104] },
      { kind: "similar", items: [105] },
      { kind: "select", op: "all" },
      { kind: "clear", what: "query" },
    ]);
  });

  it("stay in the gallery, so that Jupyter's shortcuts do not fire", async () => {
    const { view } = await display({ n: 20 });
    const outside = vi.fn();
    document.body.addEventListener("keydown", outside);
    view.card(0).focus();
    for (const key of ["ArrowDown", "a", "Enter", "Escape"]) view.press(key);
    expect(outside).not.toHaveBeenCalled();
    expect(view.el.querySelector("[data-lm-suppress-shortcuts=true]")).not.toBeNull();
    document.body.removeEventListener("keydown", outside);
  });
});

describe("the toolbar", () => {
  it("says what is shown", async () => {
    const { kernel, view } = await display({ n: 60_000 });
    expect(view.find(".count").textContent).toBe("60,000 images");
    expect(view.find(".title").textContent).toBe("photos · perceptual");
    kernel.reorder(kernel.order.slice(0, 132), { filter_label: "Uniqueness 0 to 0.0001" });
    await settle();
    expect(view.find(".count").textContent).toBe("132 of 60,000");
    view.click(view.button("Clear filter: Uniqueness 0 to 0.0001"));
    expect(kernel.sent.at(-1)).toMatchObject({ kind: "clear", what: "filters" });
    kernel.update({ filter_label: "", query_label: "Similar to a.jpg" });
    await settle();
    view.click(view.button("Back to all: Similar to a.jpg"));
    expect(kernel.sent.at(-1)).toMatchObject({ kind: "clear", what: "query" });
    expect([...view.root.querySelectorAll<HTMLElement>(".chip")].map((chip) => chip.hidden)).toEqual([
      false,
      true,
    ]);
  });

  it("sorts by any key, both ways", async () => {
    const { kernel, view } = await display({ n: 20 });
    const select = view.find<HTMLSelectElement>("select");
    expect([...select.options].map(({ value }) => value)).toEqual(["Uniqueness", "Name"]);
    view.click(view.find(".direction"));
    expect(kernel.sent.at(-1)).toMatchObject({ kind: "sort", sort: "-Uniqueness" });
    kernel.update({ sort: "-Uniqueness" });
    await settle();
    expect(view.find(".direction").getAttribute("aria-label")).toContain("descending");
    view.click(view.find(".direction"));
    expect(kernel.sent.at(-1)).toMatchObject({ kind: "sort", sort: "Uniqueness" });
    kernel.update({ sort: "Uniqueness" });
    await settle();
    select.value = "Name";
    select.dispatchEvent(new Event("change"));
    expect(kernel.sent.at(-1)).toMatchObject({ kind: "sort", sort: "Name" });
    // Turned around before the kernel has said that it sorts by the name.
    view.click(view.find(".direction"));
    expect(kernel.sent.at(-1)).toMatchObject({ kind: "sort", sort: "-Name" });
  });

  it("names the order of a query, which has one direction only", async () => {
    const { kernel, view } = await display({ n: 20 });
    kernel.update({ sort: "Similarity", query_label: "Similar to a.jpg" });
    await settle();
    expect(view.find<HTMLSelectElement>("select").value).toBe("Similarity");
    expect(view.find<HTMLButtonElement>(".direction").disabled).toBe(true);
  });

  it("sizes the cards at once, and saves the size when the slider is let go", async () => {
    const { kernel, view, other } = await display({ n: 200 }, 2);
    const slider = view.find<HTMLInputElement>("input[type=range]");
    slider.value = "240";
    slider.dispatchEvent(new Event("input"));
    await settle();
    expect(view.find("[role=grid]").getAttribute("aria-colcount")).toBe("3");
    expect(other.find("[role=grid]").getAttribute("aria-colcount")).toBe("3");
    expect(kernel.saves).toBe(0);
    slider.dispatchEvent(new Event("change"));
    expect(kernel.saves).toBe(1);
    expect(kernel.traits.thumbnail_size).toBe(240);
  });
});

describe("keys of the browser", () => {
  it("do not undo what was typed elsewhere in the page", async () => {
    const { view } = await display({ n: 20 });
    view.card(0).focus();
    expect(view.press("z", { ctrlKey: true }).defaultPrevented).toBe(true);
    expect(view.press("Z", { metaKey: true, shiftKey: true }).defaultPrevented).toBe(true);
    expect(view.press("c", { ctrlKey: true }).defaultPrevented).toBe(false);
    view.click(view.card(0));
    await settle();
    view.find("input[type=text]").focus();
    expect(view.press("z", { ctrlKey: true }).defaultPrevented).toBe(false);
  });
});

describe("tagging", () => {
  it("applies to the selection and says so", async () => {
    const { kernel, view } = await display({ n: 20 });
    const input = view.find<HTMLInputElement>("input[type=text]");
    expect(input.disabled).toBe(true);
    kernel.select([100, 101]);
    await settle();
    view.type(input, " duplicate ");
    expect(view.button("Tag").disabled).toBe(false);
    view.find<HTMLFormElement>("form").requestSubmit();
    await settle();
    expect(kernel.sent.find(({ kind }) => kind === "tag")).toMatchObject({ name: "duplicate" });
    expect(view.find(".feedback").textContent).toBe("2 tagged duplicate");
    view.click(view.button("Untag"));
    await settle();
    expect(view.find(".feedback").textContent).toBe("2 untagged duplicate");
    kernel.select([100]);
    await settle();
    expect(view.find(".feedback").textContent).toBe("");
  });

  it("offers the tags there are", async () => {
    const { kernel, view } = await display({ n: 20 });
    const offered = () =>
      [...view.root.querySelectorAll("datalist option")].map((o) => (o as HTMLOptionElement).value);
    expect(offered()).toEqual(["blurred"]);
    kernel.update({
      tag_counts: [
        ["a", 1],
        ["b", 2],
      ],
    });
    await settle();
    expect(offered()).toEqual(["a", "b"]);
    expect(view.find<HTMLInputElement>("input[type=text]").getAttribute("list")).toBe(
      view.find("datalist").id,
    );
  });
});

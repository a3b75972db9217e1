import { expect, test } from "vitest";
import { formatCount, formatItems, formatValue } from "../src/format";

test.each([
  [0, "0.0000"],
  [-0.00001, "0.0000"],
  [0.00012, "0.0001"],
  [1, "1.0000"],
  [9.99994, "9.9999"],
  [12.3456, "12.346"],
  [-345.678, "-345.68"],
  [999.99, "999.99"],
  [1234.5, "1,235"],
  [786432, "786,432"],
  [Number.NaN, "–"],
  [Number.POSITIVE_INFINITY, "–"],
])("a value of %f reads %s", (value, text) => {
  expect(formatValue(value)).toBe(text);
});

test("counts have commas and nouns their number", () => {
  expect(formatCount(60000)).toBe("60,000");
  expect(formatItems(1)).toBe("1 image");
  expect(formatItems(60000)).toBe("60,000 images");
});

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  formatBytes,
  formatCount,
  formatDistance,
  formatExact,
  formatItems,
  formatPixels,
  formatValue,
} from "../src/format";

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

test.each([
  [0, "0"],
  [0.00005, "0.00005"],
  [0.0000123456, "0.00001235"],
  [0.0102, "0.0102"],
  [0.98765432, "0.9877"],
  [1, "1"],
])("a distance of %f reads %s", (distance, text) => {
  expect(formatDistance(distance)).toBe(text);
});

test.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [999, "999 bytes"],
  [1000, "1 kB"],
  [1260, "1.3 kB"],
  [123_456, "123 kB"],
  [999_499, "999 kB"],
  [999_500, "1 MB"],
  [2_500_000, "2.5 MB"],
  [99_960_000, "100 MB"],
  [12_345_678_901, "12,346 MB"],
])("%d bytes read %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test("sizes of images have a unit", () => {
  expect(formatPixels(4000, 3000)).toBe("4,000 × 3,000 px");
});

test.each([
  [0.43161341547966003, "0.43161342"],
  [689.783935546875, "689.78394"],
  [0.0000017603407513888, "0.0000017603408"],
  [0, "0"],
  [-0.5, "-0.5"],
  [16777216, "16777216"],
])("%d exactly is %s", (value, text) => {
  expect(formatExact(value)).toBe(text);
});

test("an exact value leads back to the same float32", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(Math.fround(Number(formatExact(value)))).toBe(value + 0);
    }),
  );
});

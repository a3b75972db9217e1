import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  actualFactor,
  clampPan,
  FIT,
  fitScale,
  frameOf,
  limitFactor,
  panBy,
  type Size,
  type Zoom,
  zoomTo,
} from "../src/zoom";

const STAGE: Size = { width: 800, height: 600 };
const PHOTO: Size = { width: 4000, height: 3000 };

const stages = fc.record({
  width: fc.integer({ min: 100, max: 3000 }),
  height: fc.integer({ min: 100, max: 2000 }),
});
const images = fc.record({
  width: fc.integer({ min: 1, max: 20_000 }),
  height: fc.integer({ min: 1, max: 20_000 }),
});
const share = fc.double({ min: 0, max: 1, noNaN: true });
const factors = fc.double({ min: 0.1, max: 50, noNaN: true });
const zooms = fc.record({ factor: factors, x: share, y: share });

/** A share of the image's length, and where it is on the stage. */
function axes(zoom: Zoom, stage: Size, image: Size) {
  const { x, y, width, height } = frameOf(zoom, stage, image);
  return [
    { start: x, length: width, stage: stage.width },
    { start: y, length: height, stage: stage.height },
  ];
}

describe("zoom", () => {
  it("fits all of an image, and shows its pixels as the screen's", () => {
    expect(frameOf(FIT, STAGE, PHOTO)).toEqual({ x: 0, y: 0, width: 800, height: 600 });
    expect(fitScale(STAGE, { width: 100, height: 100 })).toBe(6);
    expect(actualFactor(STAGE, PHOTO, 1)).toBe(5);
    expect(actualFactor(STAGE, PHOTO, 2)).toBe(2.5);
    const frame = frameOf({ ...FIT, factor: 5 }, STAGE, PHOTO);
    expect(frame).toEqual({ x: -1600, y: -1200, width: 4000, height: 3000 });
  });

  it("ends where all is seen, or a small image is as small as it is, and at 8 times the pixels", () => {
    expect(limitFactor(0.01, STAGE, PHOTO, 1)).toBe(1);
    expect(limitFactor(1000, STAGE, PHOTO, 1)).toBe(40);
    expect(limitFactor(0.01, STAGE, { width: 400, height: 300 }, 1)).toBe(0.5);
    expect(limitFactor(1000, STAGE, { width: 40, height: 30 }, 1)).toBe(1); // fits at 20 times its pixels
  });

  it("always lets all of an image and its own pixels be seen", () => {
    fc.assert(
      fc.property(stages, images, fc.constantFrom(1, 1.5, 2), (stage, image, ratio) => {
        const actual = actualFactor(stage, image, ratio);
        expect(limitFactor(1, stage, image, ratio)).toBe(1);
        expect(limitFactor(actual, stage, image, ratio)).toBe(actual);
      }),
    );
  });

  it("leaves no gap beside a large image, and a small one in the middle", () => {
    fc.assert(
      fc.property(zooms, stages, images, (zoom, stage, image) => {
        for (const axis of axes(clampPan(zoom, stage, image), stage, image)) {
          const end = axis.start + axis.length;
          if (axis.length <= axis.stage) expect(axis.start).toBeCloseTo(axis.stage - end, 6);
          else {
            expect(axis.start).toBeLessThan(1e-6);
            expect(end).toBeGreaterThan(axis.stage - 1e-6);
          }
        }
      }),
    );
  });

  it("keeps what is under the pointer there", () => {
    fc.assert(
      fc.property(zooms, factors, share, share, stages, images, (start, factor, px, py, stage, image) => {
        const before = clampPan(start, stage, image);
        const at = { x: px * stage.width, y: py * stage.height };
        const after = zoomTo(before, factor, at, stage, image);
        expect(after.factor).toBe(factor);
        const points = [at.x, at.y];
        const old = axes(before, stage, image);
        axes(after, stage, image).forEach((axis, i) => {
          const was = old[i] as (typeof old)[0];
          const point = points[i] as number;
          const wanted = point - ((point - was.start) / was.length) * axis.length;
          // As near to where it would be as the edges of the image allow.
          const low = Math.min(0, axis.stage - axis.length);
          const nearest = axis.length <= axis.stage ? low : Math.max(low, Math.min(0, wanted));
          if (axis.length > axis.stage) expect(axis.start).toBeCloseTo(nearest, 4);
          // Zooming in where the image fills the stage never meets an edge.
          if (axis.length > axis.stage && was.length >= axis.stage && factor >= before.factor)
            expect(axis.start).toBeCloseTo(wanted, 4);
        });
      }),
    );
  });

  it("pans with the pointer up to the edge", () => {
    const zoom = { ...FIT, factor: 5 };
    const frame = (by: { x: number; y: number }) => frameOf(panBy(zoom, by, STAGE, PHOTO), STAGE, PHOTO);
    expect(frame({ x: 30, y: -20 }).x).toBeCloseTo(-1570);
    expect(frame({ x: 30, y: -20 }).y).toBeCloseTo(-1220);
    expect(frame({ x: 9000, y: 0 }).x).toBeCloseTo(0);
    expect(frame({ x: -9000, y: 0 }).x).toBeCloseTo(-3200);
    expect(panBy(FIT, { x: 50, y: 50 }, STAGE, PHOTO)).toEqual(FIT);
  });

  it("shows the same share of images of different resolutions", () => {
    const zoom = zoomTo(FIT, 4, { x: 100, y: 500 }, STAGE, PHOTO);
    const half = { width: 2000, height: 1500 };
    expect(clampPan(zoom, STAGE, half)).toEqual(zoom);
    expect(frameOf(zoom, STAGE, half)).toEqual(frameOf(zoom, STAGE, PHOTO));
  });
});

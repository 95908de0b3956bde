import fc from "fast-check";
import { expect, test } from "vitest";
import { OutputTail } from "../../src/base/output-tail.js";

test("whatever the chunks, the end of all of them is kept", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), (chunks) => {
      const tail = new OutputTail(8);
      for (const chunk of chunks) tail.write(chunk);
      const all = Buffer.concat(chunks);
      expect(Buffer.from(tail.bytes())).toEqual(all.subarray(Math.max(0, all.length - 8)));
      expect(tail.total).toBe(all.length);
    }),
    { seed: 1 },
  );
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeText, encodeText } from "../../src/wire/text.js";
import { hex, unhex } from "./vectors.js";
import "../support/seed.js";

describe("text", () => {
  test.for([
    { bytes: "", text: "" },
    { bytes: "776562", text: "web" },
    { bytes: "c3a4e282acf09f9880", text: "ä€😀" },
    { bytes: "efbfbd", text: "\ufffd" },
    { bytes: "efbfbdff", text: "\ufffd\udcff" },
    { bytes: "fffe", text: "\udcff\udcfe" },
    { bytes: "61ff62", text: "a\udcffb" },
    { bytes: "c0af", text: "\udcc0\udcaf" },
    { bytes: "c1bf", text: "\udcc1\udcbf" },
    { bytes: "e08080", text: "\udce0\udc80\udc80" },
    { bytes: "eda080", text: "\udced\udca0\udc80" },
    { bytes: "edb3bf", text: "\udced\udcb3\udcbf" },
    { bytes: "ed9fbf", text: "\ud7ff" },
    { bytes: "f08fbfbf", text: "\udcf0\udc8f\udcbf\udcbf" },
    { bytes: "f48fbfbf", text: "\u{10ffff}" },
    { bytes: "f4908080", text: "\udcf4\udc90\udc80\udc80" },
    { bytes: "f5808080", text: "\udcf5\udc80\udc80\udc80" },
    { bytes: "e282", text: "\udce2\udc82" },
    { bytes: "f09f9861", text: "\udcf0\udc9f\udc98a" },
    { bytes: "80", text: "\udc80" },
    { bytes: "f09f92a1", text: "\ud83d\udca1" },
    { bytes: "f09f92a1ff", text: "\ud83d\udca1\udcff" },
  ])("$bytes comes back unchanged", ({ bytes, text }) => {
    expect(decodeText(unhex(bytes))).toBe(text);
    expect(hex(encodeText(text))).toBe(bytes);
  });

  test.for(["\ud800", "a\udbffb", "\udc7f", "\udd00"])(
    "a lone half that stands for no byte is lost: %j",
    (text) => {
      expect(decodeText(encodeText(text))).toBe(text.replace(/[\ud800-\udfff]/, "\ufffd"));
    },
  );

  test("whatever the bytes, they come back unchanged", () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.array(fc.constantFrom(0x61, 0x80, 0x9f, 0xa0, 0xbf, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xff)),
    );
    fc.assert(
      fc.property(bytes, (values) => {
        const given = Uint8Array.from(values);
        expect(hex(encodeText(decodeText(given)))).toBe(hex(given));
      }),
      { numRuns: 500 },
    );
  });

  test("text without lone halves is UTF-8", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(hex(encodeText(text))).toBe(Buffer.from(text).toString("hex"));
        expect(decodeText(encodeText(text))).toBe(text);
      }),
    );
  });
});

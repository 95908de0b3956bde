import { expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { decodeMemberTags, encodeOwnTags, sameTags } from "../../src/serf/tags.js";

/** `ff`, a map of one, `a1 6b` and a raw16 string: 7 bytes around the value. */
const longestValue = 512 - 7;

test("tags of 512 encoded bytes are accepted, of 513 refused", () => {
  expect(encodeOwnTags(new Map([["k", "v".repeat(longestValue)]]), 5)).toHaveLength(512);
  expect(() => encodeOwnTags(new Map([["k", "v".repeat(longestValue + 1)]]), 5)).toThrow(
    new OperatorError("Encoded length of tags exceeds limit of 512 bytes"),
  );
});

test("protocol 2 announces nothing but the bare role", () => {
  const tags = new Map([
    ["role", "web"],
    ["dc", "east"],
  ]);
  expect(Buffer.from(encodeOwnTags(tags, 2)).toString()).toBe("web");
  expect(encodeOwnTags(tags, 3)[0]).toBe(0xff);
});

test.for([
  { meta: "", tags: { role: "" } },
  { meta: "776562", tags: { role: "web" } },
  { meta: "ff80", tags: {} },
  { meta: "ff81a4726f6c65a3776562", tags: { role: "web" } },
])("meta $meta reads as $tags", ({ meta, tags }) => {
  expect(Object.fromEntries(decodeMemberTags(Buffer.from(meta, "hex")))).toEqual(tags);
});

test("meta that is no tag map means no tags", () => {
  expect(decodeMemberTags(Buffer.from("ff93", "hex"))).toEqual(new Map());
});

test.for([
  { one: { a: "1" }, other: { a: "1" }, same: true },
  { one: { a: "1" }, other: { a: "2" }, same: false },
  { one: { a: "1" }, other: { b: "1" }, same: false },
  { one: { a: "1" }, other: { a: "1", b: "" }, same: false },
  { one: { a: "1", b: "2" }, other: { b: "2", a: "1" }, same: true },
])("$one and $other are the same: $same", ({ one, other, same }) => {
  const tags = (record: Record<string, string | undefined>): Map<string, string> =>
    new Map(Object.entries(record).map(([name, value]) => [name, value ?? ""]));
  expect(sameTags(tags(one), tags(other))).toBe(same);
});

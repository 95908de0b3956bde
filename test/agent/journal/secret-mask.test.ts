import { expect, test } from "vitest";
import { SecretMask } from "../../../src/agent/journal/secret-mask.js";

test.for([
  { text: "token is s3cret-token.", isCut: false, masked: "token is ***." },
  { text: "s3cret-tokens3cret-token", isCut: false, masked: "******" },
  {
    text: "s3cret is a part of it, and a secret as well",
    isCut: false,
    masked: "*** is a part of it, and a secret as well",
  },
  { text: "et-token was cut", isCut: true, masked: "*** was cut" },
  {
    text: "et-token was there from the start",
    isCut: false,
    masked: "et-token was there from the start",
  },
  { text: "en is harmless", isCut: true, masked: "en is harmless" },
  { text: "nothing", isCut: true, masked: "nothing" },
])("$text (cut: $isCut)", ({ isCut, masked, text }) => {
  const mask = new SecretMask(() => ["s3cret", "", "s3cret-token"]);
  expect(mask.apply(text, isCut)).toBe(masked);
});

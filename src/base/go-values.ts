/** What Go's flag package takes for a boolean; undefined if `text` is none. */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  return undefined;
}

/** Why a text is no integer, in the words of Go's flag package. */
export type IntegerFault = "parse error" | "value out of range";

/** An integer as Go's flag package reads it: decimal, or hexadecimal, octal and binary with their prefixes. */
export function parseInteger(text: string): number | IntegerFault {
  const [, sign = "", digits = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  const octal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits;
  const wellFormed = /^(\d+|0x[\da-f]+|0o[0-7]+|0b[01]+)$/i.test(octal);
  if (!wellFormed || /^0\d/.test(octal)) return "parse error";
  const value = Number(octal) * (sign === "-" ? -1 : 1);
  return Number.isSafeInteger(value) ? value : "value out of range";
}

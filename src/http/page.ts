import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Endpoint } from "./endpoint.js";
import { Refusal } from "./refusal.js";

/** In the bundle; beside the files of all commands. */
export const bundledPage = new URL("../page/page.html", import.meta.url);

/**
 * The page, one file without anything to fetch. It is read anew for each visitor, who comes seldom, and
 * so it is in nobody's memory.
 */
export function pageEndpoint(file: URL): Endpoint {
  return {
    method: "GET",
    path: "/",
    answer: (c) => {
      const html = read(file);
      return c.body(html, 200, {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policyOf(html),
      });
    },
  };
}

function read(file: URL): string {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw Object.assign(
      new Refusal(404, "the page is not part of this installation", "See /v1/openapi.json."),
      { cause: thrown },
    );
  }
}

/** Only what stands in the file itself may run, or be shown. */
function policyOf(html: string): string {
  const hashes = (tag: string): string =>
    [...html.matchAll(new RegExp(`<${tag}(?:\\s[^>]*)?>([\\s\\S]*?)</${tag}>`, "g"))]
      .map(([, text = ""]) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`)
      .join(" ") || "'none'";
  return [
    "default-src 'none'",
    `script-src ${hashes("script")}`,
    `style-src ${hashes("style")}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

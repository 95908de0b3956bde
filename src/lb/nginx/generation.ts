import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { OperatorError } from "../../base/errors.js";
import type { Millis } from "../../base/units.js";
import { oneLine, quoted } from "../values.js";

/** So many answers in a row: for a moment both generations of workers accept (loadbalancer.md 1.8). */
const enough = 5;

/** Longer answers are not ours, bytes. */
const longestAnswer = 4_096;

/** How long one answer may take, and how long to wait after a wrong one. */
const patience: Millis = 1_000;
const pause: Millis = 20;

/**
 * Asks a location on connections of their own until it answers with a generation of `text` five times
 * in a row. Throws OperatorError with the last other answer if that has not happened after `limit`.
 */
export async function confirmGeneration(url: string, text: string, limit: Millis): Promise<void> {
  const end = performance.now() + limit;
  let last = "nothing";
  for (let inRow = 0; inRow < enough; ) {
    const answer = await askGeneration(url).catch((error: unknown) => error);
    if (typeof answer === "string" && isOf(text, answer)) {
      inRow += 1;
      continue;
    }
    inRow = 0;
    last = answer instanceof Error ? oneLine(answer.message) : quoted(String(answer));
    if (performance.now() > end) {
      throw new OperatorError(
        `nginx loaded the file, but ${url} answers ${last}, which is not the generation of the file`,
      );
    }
    await sleep(pause);
  }
}

/** Whether it shows 12 hex digits that are in the text. */
function isOf(text: string, answer: string): boolean {
  return (answer.match(/\b[0-9a-f]{12}\b/g) ?? []).some((generation) => text.includes(generation));
}

function askGeneration(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: patience }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
        if (text.length > longestAnswer) response.destroy();
      });
      response.once("end", () => resolve(text));
      response.once("close", () => resolve(text));
      response.once("error", reject);
    });
    request.once("timeout", () => request.destroy(new Error(`no answer in ${patience} ms`)));
    request.once("error", reject);
  });
}

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { confirmGeneration } from "../../src/lb/nginx/generation.js";

const [older, newer] = ["0123456789ab", "ba9876543210"];

/** A location that gives these answers, one after the other, and then the last one for ever. */
async function location(answers: readonly string[]): Promise<{ url: string; asked(): number }> {
  let asked = 0;
  const server = createServer((_, response) => {
    response.setHeader("connection", "close");
    response.end(answers[Math.min(asked, answers.length - 1)]);
    asked += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/generation`, asked: () => asked };
}

const text = `return 200 "${newer}\\n";`;

test("a generation serves when five answers in a row show it", async () => {
  const { url, asked } = await location([older, newer, newer, newer, newer, older, `${newer}\n`]);
  await confirmGeneration(url, text, 20_000);
  expect(asked()).toBe(6 + 5);
});

test.for([
  [older, `answers "${older}", which is not the generation of the file`],
  ["", 'answers "", which is not the generation of the file'],
  ["x".repeat(100_000), 'answers "xxxx'],
])("an answer is no generation of the file: %s", async ([answer, words]) => {
  const { url } = await location([answer as string]);
  await expect(confirmGeneration(url, text, 50)).rejects.toThrow(`${url} ${words}`);
});

test("nobody who answers is no answer", async () => {
  const refused = confirmGeneration("http://127.0.0.1:1/", text, 50);
  await expect(refused).rejects.toThrow("http://127.0.0.1:1/ answers connect ECONNREFUSED");
});

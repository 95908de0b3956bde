import { get } from "node:http";

/** Far more than HAProxy says of a thousand servers, in characters. */
const maxText = 2_000_000;

/** What is at `url`, by HTTP. (The global fetch would cost the controller ten megabytes.) */
export function fetchText(url: string, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { signal: AbortSignal.timeout(timeout) }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
        if (text.length > maxText) response.destroy(new Error("the answer is too long"));
      });
      response.once("error", reject);
      response.once("end", () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    asked.once("error", reject);
  });
}

import type { Bytes } from "../base/units.js";
import type { Chronicle, WallTime } from "../observe/chronicle.js";
import { maxPages, whyQuery } from "../observe/why/account.js";
import { readQuestion, writeAnswer } from "../observe/why/answer.js";
import { whyDictionary } from "../observe/why/dictionary.js";
import { type Item, itemsAbout } from "../observe/why/telling.js";
import { packJson } from "../rpc/packed-json.js";
import { decodeText, encodeText } from "../wire/text.js";
import type { Insight } from "./insight.js";

export interface WhyAnswersParts {
  readonly chronicle: Chronicle;
  readonly wallClock: () => WallTime;
  /** Our own name. */
  readonly self: string;
  /** Bytes of a whole response, see `query_response_size_limit`. */
  readonly responseLimit: number;
}

/** Of a response beside its payload and two names: fields, and the envelope if it is relayed. */
const overhead = 160;

const dictionary = encodeText(whyDictionary);

/** Items that are tried for one page: more than have room in one of 1,024 bytes. */
const maxItems = 128;

/** Answers the query `gossipd-why`: what we saw of a member. */
export class WhyAnswers {
  readonly #parts: WhyAnswersParts;

  constructor(parts: WhyAnswersParts) {
    this.#parts = parts;
  }

  offer({ peers }: Pick<Insight, "peers">): void {
    peers.on(whyQuery, (payload, from) => this.answer(payload, from));
  }

  /** Undefined if the question is none, or nothing fits into an answer. */
  answer(payload: Bytes, from: string): Bytes | undefined {
    const question = readQuestion(parsed(payload));
    if (question === undefined || question.page >= maxPages) return undefined;
    const { chronicle, responseLimit, self, wallClock } = this.#parts;
    const { node, page, within } = question;
    const now = wallClock();
    const room = responseLimit - overhead - encodeText(self).length - encodeText(from).length;
    const items = itemsAbout(node, {
      self,
      entries: chronicle.since(now - within),
      roundTrips: chronicle.roundTrips(node).filter(({ at }) => at >= now - within),
    });
    const pack = (some: readonly Item[], more: boolean): Bytes => {
      const reach = Math.min(within, now - (chronicle.since(0)[0]?.at ?? now));
      return packJson(writeAnswer({ reach, more, items: some }, node, now), dictionary);
    };
    const fits = (some: readonly Item[]): boolean => pack(some, true).length <= room;
    if (!fits([])) return undefined;
    let rest: readonly Item[] = items;
    for (let skipped = 0; skipped < page; skipped += 1) rest = rest.slice(takenOf(rest, fits));
    const taken = takenOf(rest, fits);
    const own = rest.slice(0, taken).filter((item) => fits([item]));
    return pack(own, taken < rest.length);
  }
}

function parsed(payload: Bytes): unknown {
  try {
    return JSON.parse(decodeText(payload));
  } catch {
    return undefined;
  }
}

/** How many of `items` one page has; those that do not fit even alone go with the page before. */
function takenOf(items: readonly Item[], fits: (some: readonly Item[]) => boolean): number {
  let [least, most] = [0, Math.min(items.length, maxItems)];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (fits(items.slice(0, middle))) least = middle;
    else most = middle - 1;
  }
  return Math.max(least, Math.min(1, items.length));
}

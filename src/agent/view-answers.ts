import { formatAddress } from "../base/address.js";
import { ViewDigest } from "../observe/view/view-digest.js";
import type { ViewEntry } from "../observe/view/view-entry.js";
import { answerView, shortAnswer, viewQuery } from "../observe/view/view-exchange.js";
import type { Member } from "../serf/events.js";
import type { Serf } from "../serf/serf.js";
import { encodeText } from "../wire/text.js";
import type { Insight } from "./insight.js";

/** What an answer to a query needs beside our name and what we say: numbers, and the names of fields. */
const answerOverheadBytes = 80;

/** Has the agent tell others what members it sees, so that they find out whether all see the same. */
export function answerViews(
  insight: Pick<Insight, "peers" | "topics">,
  serf: Pick<Serf, "local" | "members">,
  responseSizeLimit: number,
): void {
  insight.topics.on("view", () => shortAnswer(viewOf(serf)));
  insight.peers.on(viewQuery, (payload) => {
    const room = responseSizeLimit - answerOverheadBytes - encodeText(serf.local.name).length;
    const answer = answerView(new TextDecoder().decode(payload), viewOf(serf), room);
    return answer === undefined ? undefined : encodeText(answer);
  });
}

function viewOf(serf: Pick<Serf, "members">): ViewDigest {
  return new ViewDigest(serf.members().map(entryOf));
}

/** The same object for a member that stays as it is: what was computed of it is found again. */
function entryOf(member: Member): ViewEntry {
  const known = entries.get(member);
  if (known !== undefined) return known;
  const { name, address, status, tags } = member;
  const entry = { name, address: formatAddress(address), status, tags };
  entries.set(member, entry);
  return entry;
}

const entries = new WeakMap<Member, ViewEntry>();

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const folder = fileURLToPath(new URL(".", import.meta.url));

/** A file of tests, and the titles in it that hold a line, as they are written there. */
type Proof = readonly [file: string, ...titles: string[]];

interface Line {
  readonly says: string;
  readonly held: readonly Proof[];
}

const wire = "wire/conformance.test.ts";
const serf = "serf/conformance.test.ts";

/** What makes a member one that Serf's members cannot tell from their own, by its number in protocol.md. */
const protocol: readonly Line[] = [
  { says: "long texts are raw16", held: [[wire, "1. a string of %i bytes begins da, never d9"]] },
  {
    says: "raw in gossip, bin over RPC, either understood",
    held: [[wire, "2. byte fields are raw in gossip and bin in RPC, and read as either"]],
  },
  { says: "keys are sorted", held: [[wire, "3. struct keys are in byte order"]] },
  {
    says: "a ping may lack its source, nothing else lacks anything",
    held: [[wire, "4. only a ping leaves out fields, and only its source"]],
  },
  {
    says: "nil is not empty",
    held: [
      [wire, "5. nil, empty bytes, empty lists and empty tags each have their own form"],
      [serf, "5: an empty list of members that left is 90, and no filters are nil"],
    ],
  },
  { says: "floats stay floats", held: [[wire, "6. whole-number floats are cb and eight bytes"]] },
  {
    says: "both generations' integers are read",
    held: [[wire, "7. positive numbers are read as either generation writes them"]],
  },
  { says: "integers stay integers", held: [[wire, "8. no integer is ever written as a float"]] },
  {
    says: "unknown and missing fields do no harm",
    held: [[wire, "9. unknown and missing keys do not fail decoding"]],
  },
  {
    says: "what is compressed",
    held: [
      [wire, "10. packets are compressed only if shorter, streams always"],
      ["swim/sender.test.ts", "10: what becomes shorter is compressed, and nothing else"],
      ["peers/shapes.test.ts", "a packet is compressed exactly if that makes it shorter"],
    ],
  },
  {
    says: "LZW as Go has it",
    held: [
      [wire, "11. LZW of nothing is 00 03 02, and its end code must be there"],
      [
        "wire/lzw.test.ts",
        "writes and reads $name as Go does",
        "refuses %s, which has no end code",
        "goes on after the table is full",
      ],
    ],
  },
  {
    says: "where the checksum sits",
    held: [[wire, "12. the checksum covers the compressed frame and is inside the encryption"]],
  },
  {
    says: "what bears a checksum",
    held: [
      [wire, "13. a packet carries a checksum if and only if that is asked for"],
      [
        "swim/sender.test.ts",
        "gossip, if the receiver knows what it is",
        "neither an ack nor a message of the layer above",
      ],
      ["swim/prober.test.ts", "13: a suspect that does not know checksums gets none"],
      ["peers/shapes.test.ts", "pings, acks, nacks and responses carry no checksum"],
    ],
  },
  {
    says: "how what is encrypted begins",
    held: [
      [wire, "14. encrypted packets begin with the version, streams with 0a and their length"],
    ],
  },
  { says: "padded boxes open", held: [[wire, "15. boxes of version 0 are opened: %s"]] },
  {
    says: "all keys open, the first seals",
    held: [
      [wire, "16. any key of the ring decrypts, only the first encrypts"],
      ["wire/aead.test.ts", "is opened with any key of the ring, and sealed with the first"],
    ],
  },
  {
    says: "clear text is refused under the key",
    held: [
      [wire, "17. a push/pull in clear is answered with an encrypted err frame"],
      ["swim/streams.test.ts", "17: plaintext to an encrypted member is answered encrypted"],
    ],
  },
  {
    says: "whose TCP pings are answered",
    held: [
      [wire, "18. a ping on a stream may name nobody"],
      [
        "swim/streams.test.ts",
        "for '%s' is acked without a payload",
        "for another closes without a word",
      ],
    ],
  },
  {
    says: "which acks have a payload",
    held: [
      [serf, "19: the payload of a UDP ack is 01 and our coordinate"],
      ["swim/streams.test.ts", "for '%s' is acked without a payload"],
      [
        "swim/relay.test.ts",
        "19: passes the ack on under the asker's number, without its payload",
        "19, 20: with our payload, to the source it names",
      ],
    ],
  },
  {
    says: "where acks go",
    held: [
      [
        "swim/relay.test.ts",
        "19, 20: with our payload, to the source it names",
        "20: to where it came from if it does not name address and port (%#)",
      ],
    ],
  },
  {
    says: "an exchange is answered with what was known before it",
    held: [["swim/push-pull.test.ts", "21: answers with what it knew before and echoes Join"]],
  },
  {
    says: "an exchange tells of all, versions included",
    held: [
      [wire, "22. each member in a push/pull has six bytes of versions"],
      [
        "swim/push-pull.test.ts",
        "22: lists itself, the suspect, the dead and the left, all with six versions",
      ],
    ],
  },
  {
    says: "512 slots of events",
    held: [
      [wire, "23. user state has 512 event slots"],
      [serf, "23: our part of a push/pull has 512 event slots"],
      [
        "serf/user-events.test.ts",
        "a push/pull shows the events of the last 512 Lamport times, empty slots included",
      ],
    ],
  },
  {
    says: "dead elsewhere is suspect here",
    held: [["swim/push-pull.test.ts", "24: what the other side says becomes", "$state: $becomes"]],
  },
  {
    says: "who leaves says so itself, and hears no more gossip",
    held: [
      ["swim/claims.test.ts", "25: dead by itself is left, and stays what it was first"],
      ["swim/precedence.test.ts", "25: means left if the member says it itself, else dead"],
      ["swim/gossiper.test.ts", "25: reaches the dead for 30 s and the left never"],
    ],
  },
  {
    says: "what alive claims are news",
    held: [
      [
        "swim/precedence.test.ts",
        "26: at $incarnation, held as $state at 5: $verdict",
        "26: $why: $verdict",
      ],
      ["swim/claims.test.ts", "26: that is not newer changes nothing and is not passed on"],
    ],
  },
  {
    says: "how we refute",
    held: [
      ["swim/precedence.test.ts", "27: at $own, accused at $accused, we refute at $refuting"],
      [
        "swim/claims.test.ts",
        "27: a wrong $claim.kind is refuted under a higher incarnation",
        "27: an accusation from the future is overridden by one more than it",
      ],
    ],
  },
  {
    says: "a name belongs to its address until its member has left",
    held: [
      ["swim/precedence.test.ts", "28: at another address, held as $state: $verdict"],
      [
        "swim/claims.test.ts",
        "28: from elsewhere moves a left member at once, whatever its incarnation",
      ],
    ],
  },
  {
    says: "addresses are bytes",
    held: [["swim/gossiper.test.ts", "29: an address is passed on in the form in which it came"]],
  },
  {
    says: "a suspect hears of it",
    held: [
      [
        "swim/prober.test.ts",
        "30: a suspect is sent its ping and the suspicion, checksummed, and nothing else",
      ],
      ["peers/shapes.test.ts", "a probe of a suspect is exactly ping and suspect"],
    ],
  },
  {
    says: "numbers and nacks of indirect pings",
    held: [
      [
        "swim/prober.test.ts",
        "31: is repeated through three others, with its own number, after ProbeTimeout",
      ],
      [
        "swim/relay.test.ts",
        "pings the target with its own number and source",
        "nacks after ProbeTimeout and ignores what comes later",
      ],
    ],
  },
  {
    says: "ill health slows probes down, and does not make them wait",
    held: [
      [
        "swim/prober.test.ts",
        "32: stretches ProbeInterval and not ProbeTimeout, and recovers by one with an ack",
      ],
    ],
  },
  {
    says: "four seconds among three",
    held: [["swim/claims.test.ts", "33: of one of three lan members ends after exactly 4 s"]],
  },
  {
    says: "how many copies",
    held: [
      [
        "swim/scaling.test.ts",
        "34: a broadcast is sent 4 times among 9 members and 8 times among 10",
      ],
      [
        "swim/broadcast-queue.test.ts",
        "34: among $population a message is taken $copies times, then it is finished",
      ],
    ],
  },
  {
    says: "which copies go first, and which are replaced",
    held: [
      [
        "swim/broadcast-queue.test.ts",
        "is the longest that fits, of equal ones the newest",
        "comes from the least sent first, be it shorter",
        "35: a new message about a member replaces the queued one, which is finished",
      ],
    ],
  },
  {
    says: "where clocks begin and what moves them",
    held: [
      [serf, "36: the first user event has LTime 1, and only what is not older moves a clock"],
      ["serf/lamport.test.ts", "a clock at 5 that witnesses $seen shows $time"],
    ],
  },
  {
    says: "we deny to leave",
    held: [[serf, "37: a leave intent about us is answered with a later join intent"]],
  },
  {
    says: "without an intent it is a failure",
    held: [
      [serf, "38: left in SWIM without an intent is failed; a leave intent then makes it left"],
    ],
  },
  {
    says: "events are heard once and passed on untouched",
    held: [[serf, "39: a user event is delivered once and passed on byte for byte"]],
  },
  {
    says: "queries travel past those they are not for",
    held: [
      [
        serf,
        "40: a query is passed on although its filters do not match, and filters are unanchored",
      ],
      ["agent/rpc-api.test.ts", "name '$name', status '$status', tags $tags: $passes"],
    ],
  },
  {
    says: "a vote on a name",
    held: [
      [serf, "41: a conflict is not answered by the node in question"],
      ["serf/name-contest.test.ts", "41: stops within the time of one query when nobody votes"],
      [
        "serf/name-vote.test.ts",
        "$ours for us, $theirs for the other, $other for none, younger $younger: $verdict",
      ],
    ],
  },
  {
    says: "the past stays the past",
    held: [
      [
        serf,
        "42: a push/pull is witnessed at EventLTime - 1, and a join without replay ignores the past",
      ],
    ],
  },
  {
    says: "what counts as joining",
    held: [
      [
        serf,
        "43: a join intent follows a join, not a reconnect",
        "43: nor does a join intent follow a rejoin by the snapshot",
      ],
    ],
  },
  {
    says: "names with blanks survive a restart",
    held: [[serf, "44: names in a snapshot may contain spaces"]],
  },
  {
    says: "the manners of RPC",
    held: [
      [
        "rpc/session.test.ts",
        "any command before the handshake is refused and ends the connection",
        "a failed $command says why, with its body",
      ],
      ["rpc/questions.test.ts", "acks and responses follow the answer, and done comes last"],
      ["serf/queries.test.ts", "it is over once, at its deadline"],
    ],
  },
  {
    says: "records bear the number of their request",
    held: [
      [
        "rpc/subscriptions.test.ts",
        "a stream has its answer, then each event as a record under its Seq",
      ],
    ],
  },
  {
    says: "nothing that kills a Serf",
    held: [
      [wire, "47. nothing is written that ends a real Serf"],
      [serf, "47: a query of ours has no empty filter, whatever it filters by"],
      [
        "wire/compound.test.ts",
        "is never put together from nothing, nor with an empty or too long part",
      ],
    ],
  },
  {
    says: "the versions of today",
    held: [
      [wire, "48. the encryption version sent is 1 and versions are sent as given"],
      [serf, "48: an agent announces the versions 01 05 02 02 05 05"],
      ["swim/push-pull.test.ts", "48: what we announce are the versions of the default agent"],
    ],
  },
];

/** What users of Serf can see and rely on, by its number in compat.md section 21. */
const compatibility: readonly Line[] = [
  {
    says: "help and errors: where, what, which code",
    held: [
      [
        "peers/command-errors.test.ts",
        "%j at top level is answered in Serf's place with Serf's code",
        "%s -h shows its help on stderr and exits 0",
        "%s refuses a flag that there is not",
        "%j is refused for its value",
        "%s names the agent that is not there",
        "%s without the right token says so",
      ],
      ["peers/command-line.test.ts", "%j fails alike"],
    ],
  },
  {
    says: "the member list",
    held: [
      [
        "cli/commands.test.ts",
        "members are listed by name",
        "members come as JSON in Serf's form",
        "no member is an empty line, and null in JSON",
        "names and tags cannot break rows, columns or the terminal",
        "members %j are %j",
      ],
      ["peers/command-line.test.ts", "%j says the same"],
    ],
  },
  {
    says: "configuration files",
    held: [
      [
        "agent/config-file.test.ts",
        "keys match in any case: $object",
        "$object is refused",
        "files and directories are read in the order given, directories by name",
      ],
      [
        "agent/config.test.ts",
        "$rule",
        "defaults are beaten by files, earlier files by later ones, files by flags",
        "what is appended has files first and flags last",
      ],
    ],
  },
  {
    says: "what handlers are told",
    held: [
      [
        "handler/handler-input.test.ts",
        "stdin of member events",
        "the payload $payload of user events and queries ends in a newline",
        "of user events and queries: name and time",
        "tag $tag is $variable",
      ],
      ["agent/handler-runs.test.ts", "a script is told what Serf tells it"],
      ["agent/handler-spec.test.ts", "every filter lets pass what it names and nothing else"],
      ["peers/handlers-contract.test.ts", "members: join, update, failure, leave and reap"],
    ],
  },
  {
    says: "handlers that misbehave",
    held: [
      [
        "agent/handler-runs.test.ts",
        "$script: one line in the log, and the next event is handled",
        "of 20 MiB output the last 8 KiB are kept",
        "a script need not read its input, however large",
        "a background child that holds the output holds up the queue, a detached one does not",
        "5,000 events while a script is blocked: streams are told at once, nothing is lost",
      ],
      [
        "agent/handler-blocked.test.ts",
        "5,000 events while a handler is blocked: the agent serves, and the handler ends up right",
      ],
      [
        "peers/slow-handler.test.ts",
        "delays neither members, joins nor RPC, and its last run sees the final state",
      ],
    ],
  },
  {
    says: "what becomes an answer",
    held: [
      [
        "agent/handler-runs.test.ts",
        "answers to queries",
        "a query that waited too long is not run",
      ],
      [
        "serf/query-inbox.test.ts",
        "is sent once",
        "is sent until the deadline",
        "of 1024 encoded bytes is sent, of 1025 refused, and may be tried again",
      ],
      [
        "peers/client-matrix.test.ts",
        "the query %s is answered alike by both agents, whatever its handler does",
      ],
    ],
  },
  {
    says: "signals",
    held: [
      [
        "agent/signals.test.ts",
        "$signal with leave_on_terminate $leaveOnTerminate and skip_leave_on_interrupt $skipLeaveOnInterrupt: $reaction",
      ],
      [
        "agent/agent-end.test.ts",
        "$signal leaves: peers see it, exit 0",
        "$signal with $config stops at once: peers see a failure, exit 1",
        "a second signal cuts the leave off, exit 1",
        "a leave of more than three seconds is cut off, exit 1",
        "a signal during the start join counts like later: $config",
      ],
    ],
  },
  {
    says: "reload",
    held: [
      [
        "agent/agent-reload.test.ts",
        "takes over log level, handlers and tags; tags set at run time stay",
        "a level that says less takes effect at once",
        "with a bad configuration keeps the old one",
        "leaves the tags file as it is, and the next start reads it",
      ],
    ],
  },
  {
    says: "snapshots of either program",
    held: [
      [
        "serf/snapshot.test.ts",
        "the file of a real agent adds up to what it knew",
        "with rejoin a leave forgets nothing",
        "we write the lines of a real agent",
      ],
      [
        "peers/binary-swap.test.ts",
        "$to goes on where a killed $from was",
        "$to comes back after $from left, if told to",
        "$to stays away after $from left, if not told to",
        "$from and $to read each other's snapshot again and again",
      ],
    ],
  },
  {
    says: "back under the same name, elsewhere",
    held: [
      [
        "swim/claims.test.ts",
        "28: from elsewhere moves a left member at once, whatever its incarnation",
      ],
      [
        "serf/return-elsewhere.test.ts",
        "is accepted by all and told of once, never stops, whatever else happens (SEED=%i)",
      ],
      [
        "serf/name-contest.test.ts",
        "has to stop, and that one stays, with %i others",
        "never drives that one out, with a tenth of the packets lost (SEED=%i)",
      ],
      [
        "serf/member-coalescer.test.ts",
        "(a) a return at a new address within a window is told, as a join there",
      ],
    ],
  },
  {
    says: "new keys for three, and limits to the byte",
    held: [
      [
        "peers/queries-keys.test.ts",
        "keys are rotated from either side, and every file is rewritten",
      ],
      [
        "serf/keys.test.ts",
        "gives every node the new key and takes the old one, and the group goes on working",
      ],
      ["serf/tags.test.ts", "tags of 512 encoded bytes are accepted, of 513 refused"],
      ["serf/user-events.test.ts", "the limit of an encoded event holds to the byte"],
      ["serf/query-messages.test.ts", "of %i bytes is kept to the byte"],
    ],
  },
  {
    says: "clients that others wrote",
    held: [
      [
        "peers/client-matrix.test.ts",
        "an event sent by each client to each agent reaches both agents",
        "keys are listed, installed, used and removed, and the errors are told",
        "leave: $client lets a $kind agent go",
        "force-leave: $client by a $kind agent",
      ],
      [
        "peers/client-libraries.test.ts",
        "node-serf gets from our agent what it gets from Serf's, whatever it asks",
        "serf-rpc gets from our agent what it gets from Serf's, and lets it leave",
      ],
      ["peers/go-client.test.ts", "every call has the outcome that it has with a Serf agent"],
    ],
  },
];

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: titles as their files have them

/** What keeps traffic from suffering, one line for each proof of the load balancer that is not of a mode we lack. */
const traffic: readonly Line[] = [
  {
    says: "a join has its first request soon",
    held: [
      ["traffic/burst.test.ts", "a member that joins has its first request soon"],
      ["traffic/haproxy-runtime.test.ts", "get their first request within milliseconds"],
    ],
  },
  {
    says: "many joins at once",
    held: [
      [
        "traffic/burst.test.ts",
        "${burst} joins within 2 s: all serve soon, at most one reload, nothing lost",
      ],
    ],
  },
  {
    says: "scaling loses nothing",
    held: [
      [
        "traffic/scale.test.ts",
        "${rounds} times from 2 to 10 and back: nothing lost, file equals runtime",
      ],
      [
        "traffic/haproxy-runtime.test.ts",
        "come and go under load without a reload, and nothing is lost",
      ],
      [
        "traffic/haproxy-dynamic.test.ts",
        "servers are added and deleted under load without a reload, and nothing is lost",
      ],
    ],
  },
  {
    says: "a planned leave loses nothing",
    held: [
      [
        "traffic/scale.test.ts",
        "${rounds} times from 2 to 10 and back: nothing lost, file equals runtime",
      ],
      [
        "peers/drain.test.ts",
        "an agent that is told to end goes when both have let it go, and no request is lost",
      ],
    ],
  },
  {
    says: "a rolling replacement loses nothing",
    held: [
      [
        "traffic/scale.test.ts",
        "replaced one by one, each new one before the old one goes: nothing lost",
      ],
    ],
  },
  {
    says: "a crash costs little",
    held: [
      [
        "traffic/crash.test.ts",
        "killed: in half the time of Serf and the classic scripts, with a tenth of their losses",
      ],
    ],
  },
  {
    says: "a frozen machine costs nothing",
    held: [
      [
        "traffic/crash.test.ts",
        "frozen, agent and all (a suspect is to %s): no GET is lost, and none waits for long",
      ],
    ],
  },
  {
    says: "a frozen service is found by the proxy",
    held: [
      [
        "traffic/crash.test.ts",
        "frozen, but its agent lives on: the proxy is without it all the same",
      ],
    ],
  },
  {
    says: "false suspicions cost nothing",
    held: [
      [
        "traffic/crash.test.ts",
        "half of the agents stand still for 2 s, their servers do not: nothing is lost",
      ],
      ["lb/policy.test.ts", "of all $servers takes out $out when $share may go"],
    ],
  },
  {
    says: "a partition of gossip alone costs nothing",
    held: [
      [
        "traffic/cut-off.test.ts",
        "gossip alone is lost between the balancer and all others: nobody notices",
      ],
      ["lb/policy.test.ts", "holds all of it when more fails at once"],
    ],
  },
  {
    says: "a start with nobody changes nothing",
    held: [
      [
        "traffic/restart.test.ts",
        "dies and starts again knowing nobody: nothing changes until it does, nothing is lost",
      ],
      ["lb/policy.test.ts", "with an empty list of members leaves everything as it was"],
    ],
  },
  {
    says: "lost, late and doubled events do no harm",
    held: [
      ["traffic/engine.test.ts", "views that come late, twice and out of order end in the newest"],
    ],
  },
  {
    says: "one name at a new address",
    held: [
      [
        "traffic/moved.test.ts",
        "after a graceful stop: traffic follows, nothing is lost",
        "after kill -9 and at once: traffic follows, no GET is lost",
        "while the old server still answers: traffic follows, nothing is lost",
      ],
    ],
  },
  {
    says: "a new address outlasts a reload",
    held: [
      [
        "traffic/haproxy-reload.test.ts",
        "an address that changes across a reload is the new one, whatever the states say",
      ],
    ],
  },
  {
    says: "reloads lose nothing",
    held: [
      [
        "traffic/haproxy-reload.test.ts",
        "20 reloads under 800 kept-alive requests a second lose none",
      ],
      [
        "traffic/nginx-balancer.test.ts",
        "loses on a reload what reloads by hand lose of kept connections, and nothing else",
        "is reloaded at most once in each gap, however often the pool changes",
      ],
    ],
  },
  {
    says: "what is refused is undone and told",
    held: [
      [
        "traffic/haproxy-refused.test.ts",
        "$title is refused, and nobody notices",
        "an address that somebody else has is refused, though bind lines may change",
        "what only the reload itself shows is told, and the next good file ends it",
      ],
      [
        "traffic/engine.test.ts",
        "$title: nothing is lost, servers still leave, the reason is told, and it ends with its cause",
        "a reload that fails is rolled back and tried again when the cause is gone",
      ],
    ],
  },
  {
    says: "a kill at any step leaves a valid file",
    held: [
      [
        "traffic/engine.test.ts",
        "a program that is killed at any boundary leaves a valid file, and the next one goes on",
      ],
    ],
  },
  {
    says: "disks, foreign lines and sockets",
    held: [
      [
        "traffic/disk-faults.test.ts",
        "that is full stays as it is, and is replaced when there is room again",
        "that is read-only stays as it is",
        "and lines that somebody broke are made right again, all others kept",
      ],
      [
        "traffic/engine.test.ts",
        "a full disk keeps the last good file, and recovery needs nobody",
        "lines of others stay byte for byte, whatever else happens to the file",
        "a socket that is gone is said, and recovery needs nobody",
      ],
    ],
  },
  {
    says: "what others do to the proxy is found",
    held: [
      [
        "traffic/haproxy-others.test.ts",
        "what somebody else undid by a reload with an old file is found and done again",
      ],
      ["traffic/engine.test.ts", "a proxy that is $title is found within 2 s and put right"],
    ],
  },
  {
    says: "no command is lost over a reload",
    held: [
      [
        "traffic/haproxy-runtime.test.ts",
        "over reloads by somebody else lose no command, as a connection that is held does",
      ],
    ],
  },
  {
    says: "hostile members reach nothing",
    held: [
      [
        "traffic/hostile.test.ts",
        "${count} of them are refused, told of once, and never more than that",
      ],
      ["lb/values.test.ts", "%j may not, and the reason is one short line"],
    ],
  },
  {
    says: "servers that were added reuse connections",
    held: [
      [
        "traffic/haproxy-dynamic.test.ts",
        "a server that was added is like one of the file: its checks, weight, id and kept connections",
      ],
    ],
  },
  {
    says: "no server in use is given another address",
    held: [
      [
        "traffic/haproxy-runtime.test.ts",
        "that move to another address are new servers, and the former gets nothing after its drain",
      ],
    ],
  },
  {
    says: "one primary, never two",
    held: [
      [
        "traffic/haproxy-runtime.test.ts",
        "switches in one batch: never two, and no request for the former after it",
      ],
      [
        "lb/exclusive.test.ts",
        "the current one stays while two claim it without a difference",
        "never two are ready, and who was is out when another is (%s)",
        "without a primary, the last that %s is held or refused",
      ],
    ],
  },
  {
    says: "a thousand members",
    held: [
      [
        "lb/policy-load.test.ts",
        "a member costs five pools the same among a thousand as among a few",
      ],
      ["traffic/haproxy-runtime.test.ts", "a thousand at once are told in one batch"],
    ],
  },
  {
    says: "members that flap",
    held: [
      [
        "traffic/burst.test.ts",
        "${flappers} members that flap: held out after a while, and a death costs one GET at most",
      ],
      [
        "lb/policy-load.test.ts",
        "are held out after a few turns, while the others are never touched",
      ],
    ],
  },
  {
    says: "two balancers agree",
    held: [
      [
        "traffic/two-balancers.test.ts",
        "two balancers, $speed, agree soon after each change and do not reload at the same time",
      ],
    ],
  },
  {
    says: "nginx and its traps",
    held: [
      [
        "traffic/nginx.test.ts",
        "serves a pool from empty to full and back, and the file is always one that it takes",
        "that cannot have an address goes on as before, and the error says which",
      ],
      ["lb/nginx-generation.test.ts", "a generation serves when five answers in a row show it"],
      [
        "traffic/nginx-balancer.test.ts",
        "loses no request of those whose server leaves when it is acknowledged",
      ],
    ],
  },
  {
    says: "an address between two balancers",
    held: [
      [
        "traffic/vip.test.ts",
        "a planned handover loses no new connection, and the address stays where it went",
        "a balancer that says it is unfit loses the address within half a second, and can have it again",
        "a balancer whose cable is pulled is replaced, and both agree when it is back",
      ],
    ],
  },
  {
    says: "the shell handlers",
    held: [
      [
        "peers/handlers-haproxy.test.ts",
        "servers come and go under a stream of requests, none is lost (reload by %s)",
        "what haproxy -c refuses never gets into the file",
        "a reload that fails is undone, and nobody notices",
        "all that members may call themselves makes a valid file",
      ],
    ],
  },
];

// biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above

/** The texts that begin the arguments of a call, and are followed by a function or by more: titles, above all. */
const titleLike = /\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1,\s*(?:async\b|\(|\{|\w+\s*=>)/g;

function titlesOf(file: string): Set<string> {
  const text = readFileSync(join(folder, file), "utf8");
  return new Set(Array.from(text.matchAll(titleLike), ([, , title]) => title ?? ""));
}

describe.each([
  { list: "the wire protocol", lines: protocol, count: 48 },
  { list: "compatibility", lines: compatibility, count: 12 },
  { list: "the load balancer", lines: traffic, count: 30 },
])("the checklist of $list", ({ lines, count }) => {
  test("is complete", () => {
    expect(lines).toHaveLength(count);
  });

  test.each(lines.map((line, index) => ({ ...line, number: index + 1 })))(
    "$number: $says is held by tests that are there",
    ({ held }) => {
      expect(held.length).toBeGreaterThan(0);
      for (const [file, ...titles] of held) {
        const found = titlesOf(file);
        expect(titles.length).toBeGreaterThan(0);
        expect({ file, lost: titles.filter((title) => !found.has(title)) }).toEqual({
          file,
          lost: [],
        });
      }
    },
  );
});

test("no test is switched off, and none stands alone", () => {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const switched = files
    .filter((file) => file.endsWith(".test.ts"))
    .filter((file) =>
      /\b(?:test|describe)(?:\.\w+)*\.(?:skip|only|todo|fails)\b/.test(
        readFileSync(join(folder, file), "utf8"),
      ),
    );
  expect(switched).toEqual([]);
});

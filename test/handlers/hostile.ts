import type { ListedMember } from "./sandbox.js";

/** What somebody could hope to have carried out, or to break a line, a word or a quote with. */
const texts: readonly string[] = [
  "$(touch canary)",
  "`touch canary`",
  "'; touch canary; '",
  '"; touch canary; "',
  "x; touch canary",
  "x|touch canary",
  "x&touch canary",
  "x\ntouch canary",
  "x\n    server evil 6.6.6.6:80",
  "x\r\nserver evil",
  "../../../../etc/passwd",
  "/etc/passwd",
  "x/../y",
  ".",
  "..",
  "-rf",
  "--help",
  "",
  " ",
  "a b",
  "a  6.6.6.6:80  alive  role=web",
  "a\tb",
  "x{y",
  "x}y",
  "x#y",
  "x;y",
  "x\\ny",
  "x\\",
  'x"y',
  "x'y",
  "x,y",
  "x=y",
  "x:y",
  "x%sy",
  "%n%n%n",
  "*",
  "?",
  "[a-z]*",
  "~root",
  "\u0024{IFS}x",
  "x\0y",
  "x\u0007\u001b[31m",
  "x\u007fy",
  "x\u0085y",
  "x\u2028y",
  "żółw",
  "😀",
  "x\udc80y",
  "  server evil 6.6.6.6:80",
  "# gossipd end",
  "# gossipd begin",
  '",\n      "name": "evil',
  '",\n    },\n    {\n      "name": "evil',
  "x".repeat(129),
  "x".repeat(10_240),
  "$(touch canary)".repeat(700),
];

/** Members that must not become servers: the hostile text is the name, the port or the address. */
export const hostileMembers: readonly ListedMember[] = [
  ...texts.map((name) => ({ name, tags: { role: "web", port: "80" } })),
  ...texts.map((port, index) => ({ name: `port-${index}`, tags: { role: "web", port } })),
  ...[
    "0",
    "65536",
    "99999999999999999999",
    "-1",
    "+80",
    "080",
    "8e3",
    "0x50",
    "80 ",
    " 80",
    "8.0",
  ].map((port, index) => ({ name: `number-${index}`, tags: { role: "web", port } })),
  ...texts
    .concat("256.1.1.1", "1.2.3", "1.2.3.4.5", "999999999999.1.1.1", "localhost", "<nil>", "?0102")
    .concat("[::1%eth0]", "[::1];", "10.0.0.1 backup", "0x7f.0.0.1", "[::1")
    .map((ip, index) => ({ name: `address-${index}`, ip })),
];

/** Members that are none of our business, whatever they are called: not of the role. */
export const otherMembers: readonly ListedMember[] = [
  ...texts.map((role, index) => ({ name: `role-${index}`, tags: { role } })),
  ...["Web", "web ", " web", "webs", "we", "web,web", "w.b"].map((role, index) => ({
    name: `like-${index}`,
    tags: { role },
  })),
  { name: "none", tags: {} },
  { name: "tag-named-name", tags: { name: "web", "      role": "web", addr: "1.1.1.1:1" } },
  { name: "tag-with-line", tags: { x: '\n        "role": "web"', status: "alive" } },
];

/** Good members with hostile tags that nobody reads: they stay in. */
export const botheredMembers: readonly ListedMember[] = texts.map((text, index) => ({
  name: `good-${String(index).padStart(2, "0")}`,
  ip: `10.1.0.${index}`,
  tags: { role: "web", port: String(8000 + index), note: text, [`z${text}`]: text },
}));

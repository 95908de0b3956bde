import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

/** An upload that could not be stored within this time is refused, ms. */
const patience = 15_000;

/** One try; a primary that vanished says nothing, ms. */
const oneTry = 2_000;

/**
 * The images, behind two addresses: one for whoever takes writes, one for whoever reads.
 *
 * While a primary is replaced its connections break, new ones are refused, and the next may still be a
 * replica. All of that passes, so writes are repeated: under the same id, and as a write each time, so that
 * the acknowledgement of a repetition, too, waits for the standby.
 */
export class Images {
  #write;
  #read;
  /** How often a try failed and was repeated. */
  retries = 0;

  constructor({ writeUrl, readUrl }) {
    this.#write = connectTo(writeUrl);
    this.#read = connectTo(readUrl);
  }

  /** Makes the table; waits until there is a primary. */
  async prepare() {
    await this.#insist(() =>
      this.#write.query(`CREATE TABLE IF NOT EXISTS images (
        id uuid PRIMARY KEY, type text NOT NULL, bytes bytea NOT NULL,
        stored timestamptz NOT NULL DEFAULT now())`),
    );
  }

  /** Resolves with the address of the database node that took it. */
  async store({ id, type, bytes }) {
    const { rows } = await this.#insist(() =>
      this.#write.query(
        `INSERT INTO images (id, type, bytes) VALUES ($1, $2, $3)
           ON CONFLICT (id) DO UPDATE SET id = excluded.id
           RETURNING host(inet_server_addr()) AS address`,
        [id, type, bytes],
      ),
    );
    return rows[0].address;
  }

  async find(id) {
    const sql = "SELECT type, bytes FROM images WHERE id = $1";
    const { rows } = await this.#insist(() => this.#read.query(sql, [id]));
    return rows[0];
  }

  async newest(count) {
    const sql = "SELECT id, type, stored FROM images ORDER BY stored DESC LIMIT $1";
    const { rows } = await this.#insist(() => this.#read.query(sql, [count]));
    return rows;
  }

  async close() {
    await Promise.all([this.#write.end(), this.#read.end()]);
  }

  async #insist(ask) {
    const end = performance.now() + patience;
    for (let pause = 50; ; pause = Math.min(2 * pause, 200)) {
      try {
        return await ask();
      } catch (error) {
        if (!passes(error) || performance.now() + pause > end) throw error;
        this.retries += 1;
      }
      await sleep(pause);
    }
  }
}

function connectTo(connectionString) {
  const pool = new pg.Pool({
    connectionString,
    max: 10,
    connectionTimeoutMillis: oneTry,
    query_timeout: oneTry,
    keepAlive: true,
  });
  // An idle connection that breaks is replaced when one is needed.
  pool.on("error", () => {});
  return pool;
}

/** SQLSTATEs that say something about the server, not about what was asked. */
const passing = [
  /^08/, // the connection broke
  /^57P0/, // it shuts down, has crashed, or is starting
  /^53/, // it has too many connections, or no memory
  /^25006$/, // it is a replica
  /^40/, // somebody else was in the way
  /^(23505|42P07)$/, // two apps make the table at the same time
];

/** Whether the same may succeed later. */
function passes(error) {
  const { code } = error;
  // What the server says has five characters; all else is the network's, or a time that is over.
  if (typeof code !== "string" || !/^[0-9A-Z]{5}$/.test(code)) return true;
  return passing.some((state) => state.test(code));
}

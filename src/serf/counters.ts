/** What happened since the start; plain numbers that only grow. */
export class SerfCounters {
  joins = 0;
  leaves = 0;
  failures = 0;
  updates = 0;
  reaps = 0;
  /** Members that came back soon after they had failed. */
  flaps = 0;
  /** Members that the full table had no place for. */
  membersRefused = 0;
  conflicts = 0;

  messagesReceived = 0;
  messageBytesReceived = 0;
  messagesSent = 0;
  messageBytesSent = 0;
  /** User messages and states that no codec understands. */
  undecodable = 0;
  /** Messages that are too long for any packet and so cannot be gossiped. */
  unsendable = 0;

  /** Delivered, whether from us or from others. */
  userEvents = 0;
  /** Taken in, whether or not their filters match here. */
  queries = 0;
  /** Events and queries that were heard before, came too late, or found no room. */
  duplicates = 0;
  tooOld = 0;
  overflows = 0;

  /** Answers to queries of ours, from each member at most one ack and one response. */
  queryAcks = 0;
  queryResponses = 0;
  /** Those that came again, by another way. */
  duplicateQueryAcks = 0;
  duplicateQueryResponses = 0;

  acksSent = 0;
  responsesSent = 0;
  /** Answers of ours that also went through others, and those of others that went through us. */
  relaysSent = 0;
  relaysForwarded = 0;
}

/** In the flags of a query: whoever is meant acks it at once. In those of a response: it is an ack. */
export const flagAck = 1;

/** In the flags of a query: it is not to be passed on. */
export const flagNoBroadcast = 2;

import { OperatorError } from "../base/errors.js";
import { checked, type Decoded, type Kind, real, shown, text, wrong } from "./decode.js";
import { parseSelector, type Selector } from "./selector.js";

/** A part of a whole. */
export const share = (what: string): Kind<number> => real(what, 0, 1);

/** What `false` turns off. */
export function orOff<T>(kind: Kind<T>): Kind<T | undefined> {
  return {
    expects: `${kind.expects}, or false`,
    read: (value, place): Decoded<T | undefined> =>
      value === false ? undefined : kind.read(value, place),
    write: (value) => (value === undefined ? false : kind.write(value)),
  };
}

/** What `true` turns on with all its defaults, and `false` off. */
export function orOn<T>(kind: Kind<T>): Kind<T | undefined> {
  return orOff({
    expects: `true, ${kind.expects}`,
    read: (value, place) => kind.read(value === true ? {} : value, place),
    write: kind.write,
  });
}

const selectorText = text('a selector such as "role=web"');

export const selector: Kind<Selector> = {
  expects: selectorText.expects,
  read: (value, place) => {
    const read = selectorText.read(value, place);
    if (read === wrong) return wrong;
    try {
      return parseSelector(read);
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      return place.refuse(thrown.message);
    }
  },
  write: (value) => value.text,
};

/** What follows the address on a line of a server: one line without a comment. */
export const serverOptions = checked(
  text("what follows the address on each server line", { empty: true }),
  "what follows the address on each server line",
  (value) =>
    value.includes("#") ? `${shown(value)} has a # in it, which begins a comment` : undefined,
);

/** Where the proxy itself answers, by HTTP. */
export const url = checked(
  text("a URL"),
  'a URL such as "http://127.0.0.1:8081/generation"',
  (value) => {
    const { protocol } = URL.canParse(value) ? new URL(value) : { protocol: undefined };
    return protocol === "http:" ? undefined : `${shown(value)} is no URL that begins with http://`;
  },
);

export const urlPath = checked(text("a path"), 'the path of a URL, such as "/health"', (value) =>
  /^\/[!-~]*$/.test(value) ? undefined : `${shown(value)} is no path of a URL, "/health" is one`,
);

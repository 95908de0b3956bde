/** Bounds what one line can make us look at. */
const longestLine = 64 * 1024;

/** A variable's name after `$`, with `${NAME-default}` as HAProxy 2.4 and later know it. */
const variable = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_.]\w*)(?:\[\*\])?(?:-([^}]*))?\})/;

/**
 * The words of a line as HAProxy reads them (its manual, section 2.2): between white space, with quotes
 * and `\` resolved and without a comment; variables are replaced in double quotes and nowhere else.
 * What does not end (a quote) ends with the line. `${LIST[*]}` stays one word.
 */
export function expandWords(
  line: string,
  variables: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  const add = (part: string): void => {
    word = (word ?? "") + part;
  };
  const text = line.slice(0, longestLine);
  for (let index = 0; index < text.length; index += 1) {
    const sign = text[index] as string;
    if (quote === "'") {
      if (sign === "'") quote = "";
      else add(sign);
    } else if (sign === "\\" && index + 1 < text.length) {
      index += 1;
      add(escaped(text[index] as string, quote));
    } else if (quote === '"' && sign === "$") {
      const found = variable.exec(text.slice(index));
      if (found === null) {
        add(sign);
        continue;
      }
      const [whole, bare, braced, otherwise = ""] = found;
      add(variables[bare ?? braced ?? ""] ?? otherwise);
      index += whole.length - 1;
    } else if (sign === quote) quote = "";
    else if (quote === '"') add(sign);
    else if (sign === '"' || sign === "'") {
      quote = sign;
      add("");
    } else if (sign === "#") break;
    else if (/\s/.test(sign)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else add(sign);
  }
  if (word !== undefined) words.push(word);
  return words;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

function escaped(sign: string, quote: string): string {
  if (quote === '"') return /["\\$]/.test(sign) ? sign : `\\${sign}`;
  return escapes[sign] ?? sign;
}

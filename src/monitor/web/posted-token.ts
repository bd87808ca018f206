import type { IncomingMessage } from "node:http";

/** Bytes of a form; a token has at most 4096. */
const LARGEST = 16_384;
/** ms in which it comes. */
const LONGEST = 5000;

/**
 * Reads the token of the posted form; "" where it has none.
 *
 * @throws RangeError when the form is too large. @throws Error when it does not come within 5 s.
 */
export async function postedToken(request: IncomingMessage): Promise<string> {
  const late = setTimeout(() => request.destroy(new Error("the form did not come")), LONGEST);
  try {
    let text = "";
    for await (const chunk of request.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
      text += String(chunk);
      if (text.length > LARGEST) throw new RangeError("the form is too large");
    }
    return new URLSearchParams(text).get("token") ?? "";
  } finally {
    clearTimeout(late);
  }
}

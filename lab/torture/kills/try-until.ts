/** Repeats a fault until it was made often enough. */
import type { Outcome } from "../part.ts";

/** Kills that may come too late, for each that is wanted. */
const CHOICES = 3;

/**
 * Makes a fault so many times. One that came too late is no try, and another one is made in its place.
 *
 * @param one Makes the fault for a number that fixes it, and returns the loss.
 */
export async function tryUntil(tries: number, one: (number: number) => Promise<string | undefined>): Promise<Outcome> {
  const lost: string[] = [];
  let made = 0;
  for (let number = 0; made < tries && number < CHOICES * tries; number++) {
    const found = await one(number);
    if (found === "too late") continue;
    made++;
    if (found !== undefined) lost.push(found);
  }
  if (made < tries) lost.push(`${made} of ${tries} faults came in time`);
  return { tries: made, lost };
}

/** Which parcels a node takes at once, keeps for later, or refuses. */
import { describe, expect, it } from "vitest";
import { admission, type Place } from "../../src/exchange/admission.ts";
import type { GroupView } from "../../src/exchange/messages.ts";

const view = { view: 3, step: 5, members: [{ id: 1 }, { id: 2 }] } as unknown as GroupView;

describe("a parcel", () => {
  it.each<[string, Partial<{ view: number; step: number; from: number }>, Partial<Place>, string]>([
    ["of the step in hand", {}, {}, "take"],
    ["of the next step", { step: 8 }, {}, "wait"],
    ["of the step of the view, while that state is fetched", { step: 5 }, { settled: false }, "wait"],
    ["of the step after it", { step: 6 }, { settled: false }, "wait"],
    ["of the node's own step, which is not the run's", { step: 7 }, { settled: false }, "wrong"],
    ["of a later view", { view: 4 }, {}, "wait"],
    ["that comes between two views", {}, { view: undefined }, "wait"],
    ["of a view before", { view: 2 }, {}, "past"],
    ["of a step before", { step: 6 }, {}, "past"],
    ["of a step before that of the view", { step: 4 }, { settled: false }, "past"],
    ["two steps ahead", { step: 9 }, {}, "wrong"],
    ["of a stranger", { from: 9 }, {}, "wrong"],
  ])("%s", (_, header, now, verdict) => {
    const place = { view, viewNumber: 3, step: 7, settled: true, ...now };
    expect(admission({ view: 3, step: 7, from: 2, ...header }, place).verdict).toBe(verdict);
  });

  it("that is refused is told why", () => {
    const place = { view, viewNumber: 3, step: 7, settled: true };
    const why = (header: object) => admission({ view: 3, step: 7, from: 2, ...header }, place);
    expect(why({ step: 6 })).toEqual({ verdict: "past", why: "step 6 is over, this is 7" });
    expect(why({ step: 9 })).toEqual({ verdict: "wrong", why: "step: 9 is too far ahead, this is 7" });
    expect(why({ view: 2 })).toEqual({ verdict: "past", why: "view 2 is over, this is 3" });
    expect(why({ from: 9 })).toEqual({ verdict: "wrong", why: "from: view 3 has no member 9" });
  });
});

import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { arithmeticDifferences } from "../../src/exchange/arithmetic.ts";
import type { Trait } from "../../src/exchange/messages.ts";
import { aloneTo, startNode } from "../grpc/exchange/fixture.ts";

const traits = (engine: string): Trait[] => [
  { name: "code", value: "0.1.0+abc" },
  { name: "engine", value: engine },
];

const node = (engine: string, mixed: boolean) => ({ arithmetic: async () => traits(engine), mixed });

describe("nodes that compute otherwise", { timeout: 15_000 }, () => {
  it("are told by name", () => {
    expect(arithmeticDifferences(traits("wasm"), traits("wasm"))).toEqual([]);
    expect(arithmeticDifferences(traits("tensorflow"), traits("wasm"))).toEqual([
      "engine: tensorflow there, wasm here",
    ]);
    expect(arithmeticDifferences(traits("wasm"), [])).toHaveLength(2);
    expect(arithmeticDifferences(traits("wasm"), [])[0]).toBe("code: 0.1.0+abc there, not told here");
    expect(arithmeticDifferences([], traits("wasm"))).toEqual([]);
  });

  it("are refused, with the way to let them in", async () => {
    const first = startNode({ to: 3, world: 2, group: node("tensorflow", false) });
    const other = startNode({ to: 3, join: await first.endpoint, group: node("wasm", false) });
    const { error } = await other.ended;
    expect(error).toBeInstanceOf(UsageError);
    expect(error?.message).toContain(
      "refused: it would compute other bits than the run: engine: tensorflow there, wasm here; " +
        "exchange.mixed=allow on all nodes lets it join",
    );
    expect(first.state.step).toBe(0);
  });

  it("may join where that is allowed, and both are warned of what is lost", async () => {
    const first = startNode({ to: 3, world: 2, group: node("tensorflow", true) });
    const other = startNode({ to: 3, join: await first.endpoint, group: node("wasm", true) });
    for (const { ended } of [first, other]) expect((await ended).digest).toBe((await aloneTo(3)).digest);
    const what = "otherwise than node 0 (engine: tensorflow there, wasm here), and exchange.mixed=allow lets it";
    expect(first.messages.join("\n")).toContain(`warning: node 1 computes ${what}`);
    expect(other.messages.join("\n")).toContain(`warning: this node computes ${what}`);
  });

  it("are told which deadline counts", async () => {
    const first = startNode({ to: 2, world: 2, deadline: 5000 });
    const other = startNode({ to: 2, join: await first.endpoint, deadline: 7000 });
    await Promise.all([first.ended, other.ended]);
    expect(other.messages).toContain("exchange.deadlineSeconds is 5, as the first node has it, and not 7");
  });
});

import { expect, it } from "vitest";
import { Turns } from "../../src/base/turns.ts";

it("runs pieces of work one after another, whatever becomes of one", async () => {
  const turns = new Turns();
  const said: string[] = [];
  const work =
    (name: string, fails = false) =>
    async () => {
      said.push(`${name} begins`);
      await Promise.resolve();
      said.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    };
  const [a, b, c] = [turns.run(work("a")), turns.run(work("b", true)), turns.run(work("c"))];
  await expect(b).rejects.toThrow("b");
  expect([await a, await c]).toEqual(["a", "c"]);
  expect(said).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { randomOf } from "../../lab/exchange-fuzz/random.ts";
import { damageFile } from "../../lab/torture/damage/kinds.ts";
import { follow } from "../../lab/torture/damage/remedy.ts";
import { temporaryFolder } from "../cli/fixture.ts";

/** How many bytes of a file differ after it was damaged, and its size. */
function damaged(kind: Parameters<typeof damageFile>[1], size: number) {
  const path = join(temporaryFolder(), "file");
  const whole = Buffer.from(Uint8Array.from({ length: size }, (_, i) => 48 + ((i * i) % 7)));
  writeFileSync(path, whole);
  const made = damageFile(path, kind, randomOf(3));
  const found = readFileSync(path);
  return { made, size: found.length, differ: found.filter((byte, i) => byte !== whole[i]).length };
}

describe.each([1000, 3 * 2 ** 20])("in a file of %i bytes", (size) => {
  it("a bit or a digit is another, in its place", () => {
    expect(damaged("bit", size)).toEqual({ made: true, size, differ: 1 });
    expect(damaged("digit", size)).toEqual({ made: true, size, differ: 1 });
  });

  it("a page is zero", () => {
    expect(damaged("page", size)).toEqual({ made: true, size, differ: Math.min(size, 4096) });
  });

  it("the end is missing, or everything", () => {
    const cut = damaged("cut", size);
    expect([cut.size < size, cut.differ]).toEqual([true, 0]);
    expect(damaged("empty", size)).toEqual({ made: true, size: 0, differ: 0 });
  });
});

it("a file that has no digit has none that is another", () => {
  const path = join(temporaryFolder(), "file");
  writeFileSync(path, "words");
  expect([damageFile(path, "digit", randomOf(1)), readFileSync(path, "utf8")]).toEqual([false, "words"]);
});

it("the command of a remedy runs in the project and the environment that are given", () => {
  const project = temporaryFolder();
  writeFileSync(join(project, "package.json"), JSON.stringify({ scripts: { setup: "node mark.mjs" } }));
  writeFileSync(join(project, "mark.mjs"), 'import fs from "node:fs"; fs.writeFileSync("mark", process.env.MARK);');
  const place = { project, env: { MARK: "here" } };
  expect(follow("error: it is damaged\n  remedy: repeat the command; it repairs", place)).toContain("to repeat the command"); // prettier-ignore
  expect(existsSync(join(project, "mark"))).toBe(false);
  expect(follow("error: it is damaged\n  remedy: npm run setup repairs it", place)).toContain("ended with 0");
  expect(readFileSync(join(project, "mark"), "utf8")).toBe("here");
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { cellsOf, parseAxis } from "../../../src/run/sweep/axes.ts";
import { pairedDifferences, rowsOf } from "../../../src/run/sweep/results.ts";
import type { CellResult } from "../../../src/run/sweep/run-cells.ts";
import { sweepHtml, sweepMarkdown, writeSweepTables } from "../../../src/run/sweep/tables.ts";
import { temporaryFolder } from "../../cli/fixture.ts";

/** vp: 3.0, 3.2, 3.4; subvp: 2.9, failed, 3.1, by seed. */
const results: readonly CellResult[] = cellsOf([parseAxis("sde=vp,subvp"), parseAxis("seed=1..3")]).map((cell, i) => {
  const bpd = [3.0, 3.2, 3.4, 2.9, 9, 3.1][i]!;
  return i === 4
    ? { cell, exitCode: 1, runs: [{ bpd, error: "the loss | is NaN\nnow" }] }
    : { cell, exitCode: 0, runs: [{ loss: 1, bpd: 7 }, { bpd }] };
});

describe("the rows of a sweep", () => {
  it("have means over seeds, without runs that failed, and differences paired by seed", () => {
    const [vp, subvp] = rowsOf(results);
    expect(vp!.values).toEqual({ sde: "vp" });
    expect(vp!.measures.bpd).toEqual({ mean: expect.closeTo(3.2) as number, standardError: expect.closeTo(0.2 / Math.sqrt(3)) as number, runs: 3 }); // prettier-ignore
    expect(subvp!.measures.bpd).toMatchObject({ mean: expect.closeTo(3.0) as number, runs: 2 });
    // 2.9 - 3.0 and 3.1 - 3.4.
    expect(subvp!.differences.bpd).toEqual({ mean: expect.closeTo(-0.2) as number, standardError: expect.closeTo(0.1) as number, runs: 2 }); // prettier-ignore
    expect(vp!.differences).toEqual({});
    expect(vp!.measures.fid).toBeUndefined();
  });

  it("pair runs of one seed only, whatever their order", () => {
    const [vp, subvp] = [results.slice(0, 3), [...results.slice(3, 4), ...results.slice(5)].reverse()];
    expect(pairedDifferences(vp, subvp, "bpd")).toEqual([expect.closeTo(0.1), expect.closeTo(0.3)]);
    expect(pairedDifferences(vp, [], "bpd")).toEqual([]);
  });
});

describe("the tables of a sweep", () => {
  it("are Markdown that names what failed", () => {
    const text = sweepMarkdown("tiny: sde, seed", results);
    expect(text).toContain("| vp | 3 | 3.20 ± 0.12 |");
    expect(text).toContain("| subvp | 2 of 3 | 3.00 ± 0.10 |");
    expect(text).toMatch(/\| -0\.20+ ± 0\.10+ \|/);
    expect(text).toContain("- sde=subvp,seed=2: the loss \\| is NaN now");
  });

  it("are a page in which text stays text", () => {
    const page = sweepHtml("<script>", results);
    expect(page).toContain("&lt;script&gt;");
    expect(page).not.toContain("<script>");
    expect(page).toContain("<td>3.20 ± 0.12</td>");
  });

  it("are an Arrow file with a row a run", async () => {
    const folder = temporaryFolder();
    await writeSweepTables(folder, "tiny", results);
    const table = tableFromIPC(readFileSync(join(folder, "sweep.arrow")));
    const rows = table.toArray().map((row) => ({ ...(row as object) }) as Record<string, unknown>);
    expect(rows).toHaveLength(6);
    expect(rows[3]).toMatchObject({
      run: "sde=subvp,seed=1",
      sde: "subvp",
      seed: "1",
      exitCode: 0,
      bpd: 2.9,
      fid: null,
    });
  });
});

import { expect, it } from "vitest";
import { deletedRun } from "../../../src/monitor/web/deletion.ts";

it.each([
  ["/api/runs/a-1/delete", "a-1"],
  ["/api/runs/a%2Fb%20c/delete", "a/b c"],
  ["/api/runs/a/b/delete", undefined],
  ["/api/runs/a/delete/", undefined],
  ["/api/runs/a/delete/more", undefined],
  ["/other/api/runs/a/delete", undefined],
  ["/api/runs//delete", undefined],
  ["/api/runs/a", undefined],
])("%s deletes %s", (path, run) => {
  expect(deletedRun(path)).toBe(run);
});

it("does not understand an address that is not encoded well", () => {
  expect(() => deletedRun("/api/runs/%E0%A4%A/delete")).toThrow(URIError);
});

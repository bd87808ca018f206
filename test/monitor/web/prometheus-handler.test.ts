import { expect, it, vi } from "vitest";
import { prometheusHandler } from "../../../src/monitor/web/prometheus-handler.ts";
import { metrics, recordedRun, temporaryFolder } from "../fixture.ts";
import { webRun } from "./fixture.ts";

it("answers once a record that could not be read can be read again", async () => {
  const { feed } = recordedRun(temporaryFolder(), metrics(1, 3));
  vi.spyOn(feed, "logs").mockImplementationOnce(() => {
    throw new Error("EIO: i/o error, read");
  });
  const source = { feed, workdir: () => undefined };
  const { get } = await webRun([], { source, metrics: prometheusHandler(feed) });
  expect([(await get("/metrics")).status, (await get("/metrics")).status]).toEqual([500, 200]);
});

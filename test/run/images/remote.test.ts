/** Images of a server: where they are copied to. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { copiedImages } from "../../../src/run/images/remote.ts";
import { temporaryFolder } from "../../cli/fixture.ts";
import { flightServer, prepared } from "../../grpc/flight/fixture.ts";

it("says that the cache cannot be written, and how to use another", async () => {
  const { endpoint } = await flightServer([await prepared({ length: 3 })]);
  const cacheDir = join(temporaryFolder(), "file");
  writeFileSync(cacheDir, "");
  const { signal } = new AbortController();
  const url = `grpc://${endpoint.host}:${endpoint.port}/made`;
  const error = await copiedImages(url, { cacheDir, signal }, () => {}).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as UsageError).message).toMatch(
    /data cache .*file cannot be written: .*\n {2}remedy: .*SCORESTREAM_CACHE=DIR/,
  );
});

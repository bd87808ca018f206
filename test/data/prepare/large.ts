/** Prepares the .npy file of images in a folder and reads it in a random order; tells how much memory that took. */
import { join } from "node:path";
import { openShards } from "../../../src/data/prepare/open-shards.ts";
import { prepare } from "../../../src/data/prepare/prepare.ts";
import { openArrays } from "../../../src/data/sources/arrays.ts";
import { permutation, randomKey } from "../../../src/base/random.ts";

const [folder = ""] = process.argv.slice(2);
const peak = () => process.resourceUsage().maxRSS / 1024;
const before = peak();
const source = await openArrays({ path: join(folder, "large.npy"), split: "train" });
const { images } = await prepare(source, { directory: join(folder, "shards"), shardBytes: 4 * 1024 * 1024 });
const shards = await openShards(join(folder, "shards"));
const order = permutation(randomKey(1, "shuffle", 0), shards.length);
const batch = new Uint8Array(100 * 3072);
let sum = 0;
for (let i = 0; i + 100 <= order.length; i += 100) sum += shards.gather(order.subarray(i, i + 100), batch)[0]!;
shards.close();
process.stdout.write(JSON.stringify({ images, sum, before, peak: peak() }));

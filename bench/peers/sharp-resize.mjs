/** The library sharp alone, as its users write it: each image of a folder at a smaller size, two at once. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";

const [folder, size] = process.argv.slice(2);
sharp.concurrency(1);
const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".jpg"));
let done = 0;
const work = async () => {
  for (let file = files.pop(); file; file = files.pop()) {
    await sharp(join(folder, file)).resize(Number(size), Number(size), { fit: "cover" }).raw().toBuffer();
    done++;
  }
};
await Promise.all([work(), work()]);
console.log(done);

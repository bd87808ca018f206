import { simulate, planOf } from "./simulate.ts";
const [from, n] = process.argv.slice(2).map(Number) as [number, number];
let bad = 0;
const t = performance.now();
let longest = 0;
for (let seed = from; seed < from + n; seed++) {
  let o;
  try {
    o = simulate(seed);
  } catch (e) {
    console.log(seed, (e as Error).stack);
    bad++;
    continue;
  }
  longest = Math.max(longest, o.seconds);
  if (o.broken) {
    bad++;
    if (n === 1) console.log(JSON.stringify(planOf(seed)) + "\n" + o.log.join("\n"));
    else if (bad < 15) console.log(seed, o.broken);
  }
}
console.log(bad, "broken of", n, ((performance.now() - t) / n).toFixed(2), "ms each; longest", longest);

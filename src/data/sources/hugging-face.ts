/** What Hugging Face's `datasets` writes beside its tables. */
import { z } from "zod";

const feature = z.object({ _type: z.literal("ClassLabel"), names: z.array(z.string()) });
const metadata = z.object({ info: z.object({ features: z.record(z.string(), z.unknown()) }) });

/** The names of the classes in the metadata "huggingface" of a table; undefined where it tells none. */
export function namesOfClasses(text: string | undefined, column: string | undefined): readonly string[] | undefined {
  if (text === undefined || column === undefined) return undefined;
  try {
    return feature.parse(metadata.parse(JSON.parse(text)).info.features[column]).names;
  } catch {
    // Other features, or another form of it: there are no names.
    return undefined;
  }
}

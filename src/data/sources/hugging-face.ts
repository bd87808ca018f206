/** The metadata that Hugging Face's `datasets` writes beside its tables, and reads there. */
import { z } from "zod";
import { pixelsOf, type Shape } from "./source.ts";

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

/**
 * The metadata "huggingface" of a table of pixels: `image` a list of bytes, `label` a class where names are known.
 *
 * "Sequence" is the name of a list that every version of `datasets` takes.
 */
export function featuresOf(shape: Shape, labelled: boolean, classNames?: readonly string[]): string {
  const image = { feature: { dtype: "uint8", _type: "Value" }, length: pixelsOf(shape), _type: "Sequence" };
  const label = classNames ? { names: classNames, _type: "ClassLabel" } : { dtype: "int32", _type: "Value" };
  return JSON.stringify({ info: { features: { image, ...(labelled ? { label } : {}) } } });
}

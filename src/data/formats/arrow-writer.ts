import { Message, RecordBatchFileWriter, type Schema } from "apache-arrow";

/**
 * Writes Arrow IPC files to the letter: behind the magic stands the Schema message, so that a reader of streams can
 * begin at byte 8. That of Arrow JS (21.2.0) has the schema in the footer only.
 *
 * @see https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format
 */
export class ArrowFileWriter extends RecordBatchFileWriter {
  protected override _writeSchema(schema: Schema): this {
    return super._writeSchema(schema)._writeMessage(Message.from(schema));
  }
}

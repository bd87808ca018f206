/** The program that all tabs of a browser share: it has their one connection. */
import { runNames } from "./api.ts";
import { feedHub, type TabMessage, type TabPort } from "./feed-hub.ts";

const hub = feedHub({ runs: runNames });
const scope = self as unknown as { onconnect: (event: MessageEvent) => void };
scope.onconnect = ({ ports: [port] }) => {
  port!.onmessage = ({ data }: MessageEvent<TabMessage>) => hub.receive(port as TabPort, data);
};

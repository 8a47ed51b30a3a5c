// Types to the agent and prints what happens: node talk.mjs ws://127.0.0.1:3000/ws. Before Node 22 it needs the package ws.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const WebSocket = globalThis.WebSocket ?? createRequire(import.meta.url)("ws");
const url = process.argv[2] ?? "ws://127.0.0.1:3000/ws";
const key = process.env.API_KEY;
const socket = new WebSocket(url, ["voicegateway.v1", ...(key ? ["key." + encodeURIComponent(key)] : [])]);
const sound = [];
socket.binaryType = "arraybuffer";
socket.onopen = () => socket.send(JSON.stringify({ type: "text", data: "hello" }));
socket.onmessage = ({ data }) => {
  if (typeof data !== "string") return sound.push(Buffer.from(data)); // 16-bit little-endian, 24 kHz, mono
  const event = JSON.parse(data);
  console.log(event.type, event.content ?? event.state ?? event.message ?? "");
  if (event.type === "transcript" && event.role === "assistant" && event.final) socket.close(1000);
};
socket.onclose = ({ code, reason }) => {
  writeFileSync("reply.pcm", Buffer.concat(sound));
  console.log("closed", code, reason, `${sound.length} frames in reply.pcm`);
};

/** Types of voicegateway.js. The protocol behind it: docs/client-protocol.md. */

/** Close codes after which a client must not come back by itself. */
export const FINAL_CLOSE_CODES: readonly number[];

export type Encoding = "pcm_s16le" | "pcm_f32le";
export type SampleRate = 8000 | 11025 | 12000 | 16000 | 22050 | 24000 | 32000 | 44100 | 48000;

export interface Options {
  /** Where the gateway is, relative to where this module came from: `/ws` (default) or `/v1/conversation/ws`. */
  url?: string | URL;
  /** An API key. It travels as a subprotocol, in no URL. */
  key?: string;
  /** A LiveKit access token in place of a key, likewise. */
  accessToken?: string;
  /** Samples in both directions; default `pcm_s16le`. */
  encoding?: Encoding;
  /** Hz of the microphone; default 16000. Browsers that cannot convert send what their device has. */
  inputRate?: SampleRate;
  /** Hz of what the agent says; default 24000. */
  outputRate?: SampleRate;
  /** False for a call without a microphone: texts, files, listening. */
  microphone?: boolean;
  /** Milliseconds of sound that are waited for before playback begins; default 100. Late frames raise it to 400. */
  jitterMs?: number;
  /** How often a lost connection is tried again before `closed`; default 10. */
  maximumAttempts?: number;
  room?: string;
  identity?: string;
  name?: string;
  /** The agent to dispatch; empty for none. */
  agent?: string;
  metadata?: string | Record<string, unknown>;
  instructions?: string;
  /** More members of the first `config` message; what is no parameter goes to the agent. */
  config?: Record<string, unknown>;
}

export interface AudioFormat {
  encoding: "pcm_s16le" | "pcm_f32le" | "mulaw" | "alaw" | "opus";
  sample_rate: number;
  channels: number;
}

/** Events of the gateway, by their types. */
export interface GatewayEvents {
  ready: { type: "ready"; message: string };
  session: {
    type: "session"; id: string; room: string; identity: string; input: AudioFormat; output: AudioFormat;
    resume_token?: string; resumed?: true; dropped?: { messages: number; audio_ms: number };
  };
  configured: { type: "configured"; instructions?: string };
  agent_joined: { type: "agent_joined"; identity: string; name: string };
  agent_left: { type: "agent_left"; identity: string; reason: string };
  agent_state: { type: "agent_state"; state: "initializing" | "idle" | "listening" | "thinking" | "speaking" };
  /** The whole text of a segment so far; a later one of the same `segment_id` replaces it. */
  transcript: {
    type: "transcript"; role: "user" | "assistant"; content: string; final: boolean; segment_id: string; participant: string;
  };
  interrupted: { type: "interrupted" };
  /** The gateway's connection to the room broke, and is back. What is said meanwhile waits. */
  reconnecting: { type: "reconnecting" };
  reconnected: { type: "reconnected" };
  data: { type: "data"; topic: string; sender: string; payload: unknown; encoding?: "base64" };
  pong: { type: "pong"; id?: unknown };
  /** Somebody calls a method that the client has named in `methods`: answer by `rpc_result` or `rpc_error` with this `id`. */
  rpc: { type: "rpc"; id: string; method: string; payload: string; caller: string; timeout_ms: number };
  /** How a call of the client's (`send({ type: "rpc", … })`) has ended. */
  rpc_result: { type: "rpc_result"; id: string; payload: string };
  rpc_error: { type: "rpc_error"; id: string; code: number; message: string; data?: string };
  /** An agent presses telephone keys. */
  dtmf: { type: "dtmf"; digits: string };
  /** From here to `agent_error` with `agent_events: true` alone: what the agent says about its session. */
  user_state: { type: "user_state"; state: "speaking" | "listening" | "away" };
  item: { type: "item"; id: string; role: "user" | "assistant"; content: string; interrupted: boolean };
  tool_started: { type: "tool_started"; call_id: string; name: string; arguments: unknown };
  tool_finished: { type: "tool_finished"; call_id: string; name: string; output: string; failed: boolean };
  false_interruption: { type: "false_interruption"; resumed: boolean };
  agent_error: { type: "agent_error"; message: string };
  error: {
    type: "error"; code: string; message: string; blame: "client" | "room" | "operator" | "gateway"; retry: boolean;
  };
  warning: { type: "warning"; message: string } & (
    { code: "unknown_parameter"; parameter: string; meant?: string } | { code: "slow"; dropped_messages: number }
  );
  /** The gateway goes, in `deadline` seconds: the module connects again, and the call goes on at another one. */
  move: { type: "move"; resume_token: string; deadline: number };
  closing: { type: "closing"; reason: string; message: string };
}

export type State = "idle" | "connecting" | "open" | "reconnecting" | "closed";

/** Events of the module itself. */
export interface ModuleEvents {
  /** `code` and `reason` are those of the close frame; `delay` is in milliseconds. */
  state: { type: "state"; state: State; code?: number; reason?: string; attempt?: number; delay?: number };
  /** Playback begins or ends; `droppedMs` of sound were dropped by an interruption. */
  playback: { type: "playback"; isPlaying: boolean; droppedMs: number };
}

export type Events = GatewayEvents & ModuleEvents;
export type AnyEvent = Events[keyof Events] | { type: string; [member: string]: unknown };

export class VoiceGateway {
  constructor(options?: Options);
  readonly url: URL;
  readonly state: State;
  readonly isMuted: boolean;
  /** Frames of the microphone that were not sent, because the connection was too slow. */
  readonly droppedFrames: number;
  /** Where microphone and files come together: for meters. Null before `connect`. */
  readonly input: GainNode | null;
  /** What the agent says: for meters. Null before `connect`. */
  readonly output: AudioWorkletNode | null;

  /** Calls `listener` with each event of a type, or with all; returns a function that ends it. */
  on<Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void): () => void;
  on(type: "*", listener: (event: AnyEvent) => void): () => void;
  on(type: string, listener: (event: AnyEvent) => void): () => void;

  /** Opens microphone, loudspeaker and connection. Call it from a click. Rejects when the gateway refuses. */
  connect(): Promise<void>;
  /** Ends the call. */
  close(): void;
  /** Gives the connection up as a broken network would, and comes back. */
  reconnect(): void;
  mute(isMuted?: boolean): void;
  sendText(text: string): boolean;
  /** Stops the agent. */
  interrupt(): boolean;
  /** The turn is complete. */
  endTurn(): boolean;
  /** Sends any message of the protocol; false when there is no connection. */
  send(message: Record<string, unknown>): boolean;
  /** Speaks a sound file in real time; resolves at its end. */
  sendFile(bytes: ArrayBuffer): Promise<void>;
}

/**
 * Talks with an agent through VoiceGateway: microphone and loudspeaker by AudioWorklet, events as JSON, connections that come back.
 * One file for both sides: pages import the class, and their AudioWorklets load the same file for the two processors at its end.
 * The types are in voicegateway.d.ts.
 */

/** After these a client must not come back by itself: it would be refused again, or take a call from somebody else. */
export const FINAL_CLOSE_CODES = Object.freeze([1000, 1002, 1003, 1007, 1008, 1009, 4400, 4401, 4403, 4408, 4409, 4429, 4504]);
/** The session is over; a new one may begin at once. */
const SESSION_EXPIRED = 4410;
/** Sound waits no longer in a connection that is too slow: half a second of the largest format. */
const MAXIMUM_BUFFERED_BYTES = 96_000;
const DEFAULTS = {
  url: "/ws", encoding: "pcm_s16le", inputRate: 16_000, outputRate: 24_000, microphone: true, jitterMs: 100, maximumAttempts: 10,
};
const MICROPHONE = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };

export class VoiceGateway {
  /** "idle", "connecting", "open", "reconnecting" or "closed". */
  state = "idle";
  isMuted = false;
  /** Frames of the microphone that were not sent, because the connection was too slow. */
  droppedFrames = 0;
  /** Where microphone and files come together, and what the agent says; null before `connect`. */
  input = null;
  output = null;
  #options;
  #listeners = new Map();
  #socket = null; #resumeToken = null; #lastError = null;
  #isWanted = false; #attempt = 0; #timer = 0; #first = null;
  #contexts = []; #tracks = [];
  #online = () => this.state === "reconnecting" && !this.#socket && this.#open();

  constructor(options = {}) {
    this.#options = { ...DEFAULTS, ...options };
    this.url = new URL(this.#options.url, import.meta.url);
    this.url.protocol = this.url.protocol.replace("http", "ws");
  }

  /** Calls `listener` with each event of a type, or with all for "*"; returns a function that ends it. */
  on(type, listener) {
    if (!this.#listeners.has(type)) this.#listeners.set(type, new Set());
    this.#listeners.get(type).add(listener);
    return () => this.#listeners.get(type).delete(listener);
  }

  /** Opens microphone, loudspeaker and connection; to be called from a click, without which browsers play nothing. */
  async connect() {
    this.#isWanted = true;
    await this.#openAudio();
    if (!this.#isWanted) return this.#closeAudio();
    addEventListener("online", this.#online);
    return new Promise((resolve, reject) => {
      this.#first = { resolve, reject };
      this.#open();
    });
  }

  /** Ends the call. */
  close() {
    if (this.#isWanted && !this.#socket) this.#finish(1000, "");
    this.#isWanted = false;
    this.#socket?.close(1000);
  }
  /** Gives the connection up as a broken network would, and comes back: continued where the gateway keeps sessions. */
  reconnect() { this.#socket?.close(4000, "the client comes back"); }
  mute(isMuted = true) { this.send({ type: (this.isMuted = isMuted) ? "mute" : "unmute" }); }
  sendText(text) { return this.send({ type: "text", data: text }); }
  /** Stops the agent. What is queued here is dropped when the gateway says `interrupted`. */
  interrupt() { return this.send({ type: "interrupt" }); }
  /** The turn is complete: the agent need not wait for silence. */
  endTurn() { return this.send({ type: "end_turn" }); }

  /** Sends any message of the protocol; false when there is no connection. */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Speaks a sound file, of any kind that the browser can decode, in real time beside the microphone. Resolves at its end. */
  async sendFile(bytes) {
    const source = this.input.context.createBufferSource();
    source.buffer = await this.input.context.decodeAudioData(bytes);
    source.connect(this.input);
    source.start();
    await new Promise((ended) => (source.onended = ended));
  }

  // --- Sound

  async #openAudio() {
    const { inputRate, outputRate, encoding, jitterMs, microphone } = this.#options;
    if (!globalThis.AudioWorkletNode) throw new Error("Browsers let only https:// and localhost use microphone and AudioWorklet.");
    try {
      const mediaStream = microphone && (await navigator.mediaDevices.getUserMedia({ audio: MICROPHONE }));
      this.#tracks = mediaStream ? mediaStream.getTracks() : [];
      try {
        this.#openInput(inputRate, mediaStream);
      } catch {
        // Firefox connects a microphone only to a context of the device's own rate; the gateway takes that as well.
        this.#openInput(undefined, mediaStream);
      }
      const playback = this.#openContext(outputRate);
      for (const context of this.#contexts) context.resume();
      await Promise.all(this.#contexts.map((context) => context.audioWorklet.addModule(import.meta.url)));
      const { context } = this.input;
      const recorder = new AudioWorkletNode(context, "voicegateway-recorder", {
        channelCount: 1, channelCountMode: "explicit", processorOptions: { encoding },
      });
      recorder.port.onmessage = ({ data }) => this.#record(data);
      this.input.connect(recorder).connect(context.destination);
      this.output = new AudioWorkletNode(playback, "voicegateway-player", {
        numberOfInputs: 0, outputChannelCount: [1], processorOptions: { encoding, jitterMs },
      });
      this.output.port.onmessage = ({ data }) => this.#emit({ type: "playback", ...data });
      this.output.connect(playback.destination);
    } catch (error) {
      this.#isWanted = false;
      this.#closeAudio();
      throw error;
    }
  }

  #openContext(sampleRate) {
    const context = new AudioContext({ latencyHint: "interactive", sampleRate });
    this.#contexts.push(context);
    return context;
  }

  #openInput(sampleRate, mediaStream) {
    this.input = new GainNode(this.#openContext(sampleRate));
    if (mediaStream) new MediaStreamAudioSourceNode(this.input.context, { mediaStream }).connect(this.input);
  }

  #closeAudio() {
    for (const track of this.#tracks) track.stop();
    for (const context of this.#contexts) context.close();
    [this.#tracks, this.#contexts] = [[], []];
  }

  #record(frame) {
    if (this.isMuted || this.#socket?.readyState !== WebSocket.OPEN) return;
    if (this.#socket.bufferedAmount > MAXIMUM_BUFFERED_BYTES) this.droppedFrames += 1;
    else this.#socket.send(frame);
  }

  // --- The connection

  #open() {
    clearTimeout(this.#timer);
    const { encoding, outputRate, room, agent, identity, name, key, accessToken } = this.#options;
    const parameters = this.#resumeToken ? { session: this.#resumeToken } : {
      encoding, sample_rate: this.input.context.sampleRate, output_encoding: encoding, output_sample_rate: outputRate,
      output_framing: "binary", room, agent, identity, name,
    };
    const url = new URL(this.url);
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
    const protocols = accessToken ? ["access_token", accessToken] : ["voicegateway.v1"];
    // Characters that no subprotocol may have are percent-encoded.
    if (key) protocols.push("key." + encodeURIComponent(key).replace(/[()]/g, (c) => "%" + c.charCodeAt(0).toString(16)));
    if (this.state !== "reconnecting") this.#change("connecting");
    const socket = new WebSocket(url, protocols);
    // While a call moves, the old connection serves until the new one is there.
    this.#socket ??= socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { this.#socket = socket; this.#configure(); };
    socket.onclose = (event) => this.#socket === socket ? this.#closed(event)
      : event.code !== 1000 && this.#isWanted && (this.#timer = setTimeout(() => this.#open(), 1000));
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#receive(JSON.parse(data));
      else this.output.port.postMessage(data, [data]);
    };
  }

  #configure() {
    this.#lastError = null;
    const { metadata, instructions, config } = this.#options;
    // What may be long is no matter for a URL.
    const data = { ...config, ...(metadata && { metadata }), ...(instructions && { instructions }) };
    if (!this.#resumeToken && Object.keys(data).length) this.send({ type: "config", data });
    if (this.isMuted) this.send({ type: "mute" });
  }

  #receive(event) {
    if (event.type === "session") [this.#resumeToken, this.#attempt] = [event.resume_token ?? null, 0];
    if (event.type === "move") { this.#resumeToken = event.resume_token; this.#open(); }
    if (event.type === "interrupted") this.output.port.postMessage("flush");
    if (event.type === "error") this.#lastError = event;
    if (event.type === "ready" && this.state !== "open") this.#change("open");
    if (event.type === "ready") this.#first?.resolve();
    this.#emit(event);
  }

  #closed({ code, reason }) {
    this.#socket = null;
    if (code === SESSION_EXPIRED && this.#resumeToken) {
      this.#resumeToken = null;
      return this.#open();
    }
    const isUseless = FINAL_CLOSE_CODES.includes(code) || (code === 1011 && this.#lastError?.retry === false);
    if (!this.#isWanted || isUseless || this.#attempt >= this.#options.maximumAttempts) return this.#finish(code, reason);
    const delay = Math.min(250 * 2 ** this.#attempt, 8000) * (0.8 + 0.4 * Math.random());
    this.#attempt += 1;
    this.#change("reconnecting", { code, reason, attempt: this.#attempt, delay: Math.round(delay) });
    this.#timer = setTimeout(() => this.#open(), delay);
  }

  #finish(code, reason) {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    removeEventListener("online", this.#online);
    this.#resumeToken = null;
    this.#closeAudio();
    this.#change("closed", { code, reason });
    this.#first?.reject(new Error(reason || `The connection was closed (${code}).`));
  }

  #change(state, details = {}) { this.#emit({ type: "state", state: (this.state = state), ...details }); }

  #emit(event) {
    for (const type of [event.type, "*"]) for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}

// --- In the AudioWorklet

if (globalThis.registerProcessor) {
  class Recorder extends AudioWorkletProcessor {
    constructor({ processorOptions: { encoding } }) {
      super();
      this.isFloat = encoding === "pcm_f32le";
      this.length = Math.floor(sampleRate / 50);
      this.frame = [];
    }

    process([[block = new Float32Array(128)]]) {
      for (const sample of block) {
        this.frame.push(Math.max(-1, Math.min(1, sample)));
        if (this.frame.length < this.length) continue;
        const { buffer } = this.isFloat ? new Float32Array(this.frame) : Int16Array.from(this.frame, (value) => Math.round(value * 32767));
        this.port.postMessage(buffer, [buffer]);
        this.frame = [];
      }
      return true;
    }
  }

  class Player extends AudioWorkletProcessor {
    queue = [];
    queued = 0; offset = 0; firstAt = 0; driedAt = -Infinity; isPlaying = false; tail = 0;
    constructor({ processorOptions: { encoding, jitterMs } }) {
      super();
      this.isFloat = encoding === "pcm_f32le";
      this.target = (jitterMs / 1000) * sampleRate;
      this.port.onmessage = ({ data }) => (data === "flush" ? this.flush() : this.push(data));
    }

    push(buffer) {
      const samples = this.isFloat ? new Float32Array(buffer) : Float32Array.from(new Int16Array(buffer), (value) => value / 32768);
      if (!this.queued) this.firstAt = currentFrame;
      // Silence is not sent, so that a short gap is a late frame: from now on more is waited for.
      const isLate = !this.queued && currentFrame - this.driedAt < 0.15 * sampleRate;
      if (isLate) this.target = Math.max(this.target, Math.min(0.4 * sampleRate, this.target * 1.5));
      if (samples.length) this.queue.push(samples);
      this.queued += samples.length;
    }

    change(isPlaying, droppedMs = 0) {
      if (this.isPlaying !== isPlaying || droppedMs) this.port.postMessage({ isPlaying, droppedMs });
      this.isPlaying = isPlaying;
    }

    /** Drops exactly what has come before; the last sample fades away in `process`, so that nothing clicks. */
    flush() {
      this.change(false, Math.round((this.queued / sampleRate) * 1000));
      this.queue = [];
      this.queued = this.offset = 0;
    }

    process(_, [[out]]) {
      if (this.queued && (this.queued >= this.target || currentFrame - this.firstAt >= this.target)) this.change(true);
      for (let index = 0; index < out.length; index++) {
        const isSounding = this.isPlaying && this.queued > 0;
        out[index] = this.tail = isSounding ? this.queue[0][this.offset++] : this.tail * 0.97;
        if (isSounding) this.queued -= 1;
        if (!isSounding || this.offset < this.queue[0].length) continue;
        this.queue.shift();
        this.offset = 0;
      }
      if (this.isPlaying && !this.queued) this.driedAt = currentFrame;
      this.change(this.isPlaying && this.queued > 0);
      return true;
    }
  }

  registerProcessor("voicegateway-recorder", Recorder);
  registerProcessor("voicegateway-player", Player);
}

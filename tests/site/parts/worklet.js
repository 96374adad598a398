registerProcessor("quiet", class extends AudioWorkletProcessor {
  constructor() { super(); this.port.postMessage("made"); }
  process() { return false; }
});

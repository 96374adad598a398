// rrweb's recorder with its defaults: what it emits, as the JSON that a line would carry.

declare const rrwebRecord: { record(options: { emit(event: unknown): void }): void };

const messages: string[] = [];

Object.assign(window, {
  bench: {
    start(): void {
      rrwebRecord.record({ emit: (event) => void messages.push(JSON.stringify(event)) });
    },
    take(): string[] {
      return messages.splice(0).map((text) => {
        const bytes = new TextEncoder().encode(text);
        let out = "";
        for (let i = 0; i < bytes.length; i += 8192)
          out += String.fromCharCode(...bytes.subarray(i, i + 8192));
        return btoa(out);
      });
    },
  },
});

// Seeded random numbers: one seed gives one run, and each purpose has a stream of its own.
// The generator is sfc32 (Chris Doty-Humphrey, public domain): fast, four words of state, passes PractRand.

// Four words from text: FNV-1a from four starts, each finished by an avalanche.
function words(text) {
  return [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35].map((start) => {
    let h = start;
    for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
    h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
    return (h ^ (h >>> 16)) | 0;
  });
}

export class Stream {
  constructor(seed, purpose) {
    [this.a, this.b, this.c, this.counter] = words(`${seed}/${purpose}`);
    this.spare = null; // Box-Muller makes two normals at a time
    for (let i = 0; i < 16; i += 1) this.uniform(); // mixes the words
  }

  // A number in [0, 1) with 32 random bits.
  uniform() {
    const out = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + out) | 0;
    return (out >>> 0) / 4294967296;
  }

  normal() {
    if (this.spare !== null) {
      const kept = this.spare;
      this.spare = null;
      return kept;
    }
    const length = Math.sqrt(-2 * Math.log(1 - this.uniform())); // 1 - u is never 0
    const angle = 2 * Math.PI * this.uniform();
    this.spare = length * Math.sin(angle);
    return length * Math.cos(angle);
  }

  uniforms(n) {
    return Float32Array.from({ length: n }, () => this.uniform());
  }

  normals(n) {
    return Float32Array.from({ length: n }, () => this.normal());
  }
}

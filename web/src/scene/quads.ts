import {
  type Attribute,
  Buffer,
  BufferUsage,
  Geometry,
  GlProgram,
  Mesh,
  Shader,
  type TypedArray,
  UniformGroup,
} from 'pixi.js';

/** What one quad of a set has of its own, as the GPU takes it. */
export interface PerQuad {
  readonly name: string;
  readonly format: NonNullable<Attribute['format']>;
  readonly data: TypedArray;
}

export type Uniforms = ConstructorParameters<typeof UniformGroup>[0];

/** What every vertex shader here begins with. `aCorner` is a corner of the quad, -1 or 1 in each direction. */
const VERTEX_HEAD = `#version 300 es
precision highp float;
in vec2 aCorner;
uniform mat3 uProjectionMatrix;
uniform mat3 uWorldTransformMatrix;
uniform mat3 uTransformMatrix;
uniform vec4 uColor;
vec2 toPixels(vec2 place) { return (uWorldTransformMatrix * uTransformMatrix * vec3(place, 1.0)).xy; }
vec4 toClip(vec2 pixels) { return vec4((uProjectionMatrix * vec3(pixels, 1.0)).xy, 0.0, 1.0); }
`;
const FRAGMENT_HEAD = `#version 300 es
precision highp float;
`;

const CORNERS = new Float32Array([-1, -1, 1, -1, 1, 1, -1, 1]);

/** Any number of quads in one call of the GPU; what moves them are a few numbers for all of them. */
export class Quads {
  readonly mesh: Mesh<Geometry, Shader>;
  private readonly buffers = new Map<string, Buffer>();
  private readonly group: UniformGroup;

  constructor(
    sources: { readonly vertex: string; readonly fragment: string },
    attributes: readonly PerQuad[],
    uniforms: Uniforms,
    textures: Readonly<Record<string, unknown>> = {},
  ) {
    const shared: Record<string, Attribute> = {};
    for (const { name, format, data } of attributes) {
      const buffer = new Buffer({ data, usage: BufferUsage.VERTEX | BufferUsage.COPY_DST });
      this.buffers.set(name, buffer);
      shared[name] = { buffer, format, instance: true };
    }
    const geometry = new Geometry({
      attributes: { aCorner: { buffer: CORNERS, format: 'float32x2' }, ...shared },
      indexBuffer: new Uint16Array([0, 1, 2, 0, 2, 3]),
      instanceCount: attributes.length === 0 ? 1 : 0,
    });
    this.group = new UniformGroup(uniforms);
    const shader = new Shader({
      glProgram: new GlProgram({
        vertex: VERTEX_HEAD + sources.vertex,
        fragment: FRAGMENT_HEAD + sources.fragment,
      }),
      resources: { own: this.group, ...textures },
    });
    this.mesh = new Mesh({ geometry, shader });
    this.mesh.visible = attributes.length === 0;
  }

  /** Replaces what the quads have of their own; without quads nothing is drawn. */
  fill(count: number, data: Readonly<Record<string, TypedArray>>): void {
    for (const [name, values] of Object.entries(data)) {
      const buffer = this.buffers.get(name);
      if (buffer === undefined) throw new Error(`these quads have no attribute ${name}`);
      buffer.data = values;
    }
    this.mesh.geometry.instanceCount = count;
    this.mesh.visible = count > 0;
  }

  set(values: Readonly<Record<string, number | readonly number[]>>): void {
    const uniforms = this.group.uniforms as Record<string, unknown>;
    for (const [name, value] of Object.entries(values)) uniforms[name] = value;
  }

  bind(name: string, resource: unknown): void {
    const resources = this.mesh.shader?.resources as Record<string, unknown> | undefined;
    if (resources !== undefined) resources[name] = resource;
  }
}
